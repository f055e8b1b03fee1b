from dataclasses import dataclass, field
@dataclass
class Report:
    differences: list = field(default_factory=list)
def check_statuses() -> Report: return Report()

"""What a new installation begins with: a pipeline, reasons and sources, all to be changed."""

from django.db import migrations

PIPELINE = "Sales"
STAGES = [
    ("Incoming", "incoming", 10),
    ("Qualified", "in_progress", 30),
    ("Quote", "in_progress", 50),
    ("Closure", "in_progress", 80),
    ("Won", "won", 100),
    ("Lost", "lost", 0),
    ("Unqualified", "unqualified", 0),
]
REASONS = {
    "LossReason": ["Price", "Competitor", "No budget", "Timing", "No decision"],
    "UnqualifiedReason": ["No need", "Not reachable", "Too small", "Duplicate"],
    "DealSource": ["Website", "Referral", "Trade fair", "Cold call", "Partner"],
}


def begin(apps, schema_editor):
    """Only where nothing is: who has made their own keeps them."""
    pipelines = apps.get_model("deals", "Pipeline").objects
    if not pipelines.exists():
        pipeline = pipelines.create(name=PIPELINE, is_default=True)
        stages = apps.get_model("deals", "Stage").objects
        for position, (name, category, likelihood) in enumerate(STAGES):
            stages.create(
                pipeline=pipeline,
                name=name,
                category=category,
                position=position,
                likelihood=likelihood,
            )
    for model, names in REASONS.items():
        reasons = apps.get_model("deals", model).objects
        if not reasons.exists():
            for position, name in enumerate(names):
                reasons.create(name=name, position=position)


def take_back(apps, schema_editor):
    """What no deal uses; the rest has become somebody's."""
    stages = apps.get_model("deals", "Stage").objects.filter(pipeline__name=PIPELINE)
    stages.filter(name__in=[name for name, *_more in STAGES], deals=None).delete()
    apps.get_model("deals", "Pipeline").objects.filter(name=PIPELINE, stages=None).delete()
    for model, names in REASONS.items():
        apps.get_model("deals", model).objects.filter(name__in=names, deal=None).delete()


class Migration(migrations.Migration):
    dependencies = [("deals", "0001_initial")]

    operations = [migrations.RunPython(begin, take_back)]

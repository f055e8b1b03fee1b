"""Demo data: an invented book of business, the same for the same seed and day, at any size.

``words`` has the names, ``contacts`` makes people and companies of them, ``deals`` sells to them,
``standings`` plays two years of each contact through the status law, ``store`` writes it down,
``labels`` puts tags and custom fields on it.
"""

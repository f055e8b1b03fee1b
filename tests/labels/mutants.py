"""Bugs planted on purpose in what removes and assigns, one at a time: the walk has to find each of them."""

from __future__ import annotations

from tests.proof.mutants import Plant, rewritten

REMOVING, UNDOING = "settings.services.removing", "settings.services.undoing"
HANDING, READING = "settings.services.handing", "settings.services.reading"
ASSIGNING = "settings.services.assigning"

MUTANTS: dict[str, Plant] = {
    "who is outside keeps what is deleted in Contacts": rewritten(
        REMOVING, "_remove", "handing.hand_over(label, into, rows.filter(which), options,",
        "handing.hand_over(label, into, rows, options,"),
    "undoing takes what others were given since": rewritten(
        UNDOING, "_bring_back", "ours = rows.filter(came_from__endswith=mark)", "ours = rows"),
    "a merge takes what is there": rewritten(
        HANDING, "hand_over", "handed = rows.filter(~Exists(there))",
        "rows_of(into)[1].filter(**{f'{holder.key}__in': rows.values(holder.key_id)}).delete();"
        " handed = rows.filter(~Exists(there))"),
    "what is unseen is shown": rewritten(
        READING, "seen_of", "if belongs(holder, record, one)", ""),
    "values are written where they are unseen": rewritten(
        ASSIGNING, "set_values", "if not unseen:", "if unseen:"),
    "a deleted option loses its choices on the way": rewritten(
        HANDING, "hand_over", 'changes["option_id"] = matched', "pass"),
    "what was made for a deletion goes with what others put into it": rewritten(
        UNDOING, "_bring_back", "if removal.into_is_new:\n        _refuse_later(into, removal)",
        "pass"),
    "what a label was given since its deletion is lost by undoing": rewritten(
        UNDOING, "_bring_back", 'handing.hand_over(into, label, rows, options, "")', "pass"),
    "clearing keeps the value": rewritten(
        ASSIGNING, "_write", "cleared.setdefault(field, []).append(pk)", "pass"),
    "a written value forgets where it came from": rewritten(
        ASSIGNING, "_write", "update_fields=VALUE_COLUMNS,",
        'update_fields=[*VALUE_COLUMNS, "came_from"],'),
}  # fmt: skip

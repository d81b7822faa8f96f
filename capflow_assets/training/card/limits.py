"""What a model must not be used for, from what it needs and how far it looks ahead."""

from __future__ import annotations

from capflow_assets.contract.model import Model, Task
from capflow_assets.training.card.words import count_words

NO_EFFECT = (
    "It says who is likely to, not whom a contact would change: for that take an uplift model or a test with a group "
    "that is held back."
)
NOT_FOR: dict[Task, str] = {
    "binary": "A probability is about many alike: a single one comes out either way.",
    "regression": "A single value can be far off: use it to order and to add up, not as a promise about one of them.",
    "ranking": "A place is not a probability: the first of a weak list can still be unlikely.",
    "segment": "A segment is a rule of thumb for groups: two users of one segment can be very different.",
    "choice": "It names the likeliest label, even where it is hardly sure: look at its score before you act on one.",
    "uplift": "Its scores are differences, not probabilities: below 0 a contact may do harm.",
}


def limits(model: Model) -> list[str]:
    """Two or three sentences."""
    needs, of_users = model.needs, "user_id" in model.unit
    asked = [
        (needs.users, "user"),
        (needs.bills, "bill"),
        (needs.history_days, "day of history"),
        (needs.items, "item"),
        (needs.contacts, "contact"),
        (needs.reviews, "review"),
        (needs.images, "picture"),
    ]
    least = [count_words(number, word) for number, word in asked if number]
    told = (
        f"It looks {count_words(model.horizon_days, 'day')} ahead from the date it is asked about, and no further."
        if model.learns_from == "time"
        else "It tells what is there to be seen or read, and nothing about the future."
    )
    own = "It was learned from this customer's data alone: use it for no other's."
    if least:
        own += f" It is not made from fewer than {', '.join(least[:-1])}{' and ' if least[1:] else ''}{least[-1]}."
    found = [told, NO_EFFECT if of_users and model.task == "binary" else NOT_FOR[model.task], own]
    if of_users:
        found.append(
            "It must not be the only ground of a decision that matters to a person, such as refusing a return."
        )
    return found

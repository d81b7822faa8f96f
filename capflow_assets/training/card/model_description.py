"""What a model says of itself, and what it must not be used for."""

from __future__ import annotations

from capflow_assets.contract.model import Model, Task
from capflow_assets.training.card.formatting import count_words
from capflow_assets.training.card.record import ModelDescription

NO_EFFECT = (
    "It says who is likely to, not whom a contact would change: for that use an uplift model or a test with a group "
    "that is held back."
)
NOT_FOR: dict[Task, str] = {
    "binary": "A probability holds for many similar users: a single one comes out either way.",
    "regression": "A single value can be far off: use it to rank and to add up, not as a promise about one of them.",
    "ranking": "A rank is not a probability: the first of a weak list can still be unlikely.",
    "segment": "A segment is a rule of thumb for groups: two users of one segment can be very different.",
    "choice": "It names the most likely label even when it is far from certain: check its score before acting on it.",
    "uplift": "Its scores are differences, not probabilities: below 0 a contact may do harm.",
}


def describe_model(model: Model) -> ModelDescription:
    """Describe a model by its own words, with its limits."""
    return ModelDescription(
        title=model.title,
        description=model.description,
        family=model.family,
        task=model.task,
        method=model.method,
        owner=model.owner,
        unit=tuple(model.unit),
        learns_from=model.learns_from,
        horizon_days=model.horizon_days,
        settings=dict(model.settings),
        limits=tuple(state_limits(model)),
    )


def state_limits(model: Model) -> list[str]:
    """State in three or four sentences what the model must not be used for, from its needs and its horizon."""
    needs, is_about_users = model.needs, "user_id" in model.unit
    counts = [
        (needs.users, "user"),
        (needs.bills, "bill"),
        (needs.history_days, "day of history"),
        (needs.items, "item"),
        (needs.contacts, "contact"),
        (needs.reviews, "review"),
        (needs.images, "picture"),
    ]
    least = [count_words(number, word) for number, word in counts if number]
    horizon = (
        f"It looks {count_words(model.horizon_days, 'day')} ahead from the date it predicts for, and no further."
        if model.learns_from == "time"
        else "It says what is there to be seen or read, and nothing about the future."
    )
    own = "It was trained on this customer's data alone: do not use it for another customer."
    if least:
        own += f" It needs at least {', '.join(least[:-1])}{' and ' if least[1:] else ''}{least[-1]}."
    limits = [horizon, NO_EFFECT if is_about_users and model.task == "binary" else NOT_FOR[model.task], own]
    if is_about_users:
        limits.append(
            "It must not be the only basis for a decision that matters to a person, such as refusing a return."
        )
    return limits

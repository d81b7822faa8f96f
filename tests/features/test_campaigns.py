"""The campaign history of five shoppers whose answers can be read off the page."""

from datetime import datetime

import pandas as pd
import pytest

from capflow_assets.features.sets.campaigns import CAMPAIGNS
from capflow_assets.features.snapshots import cut_before
from tests.features.feature_world import CONTACT_TYPES, frame, lines_of, world

JUNE = datetime(2024, 6, 1)
WINTER, MAY, LATE = datetime(2024, 1, 2, 9), datetime(2024, 5, 12, 9), datetime(2024, 5, 31)


@pytest.fixture(scope="module")
def shoppers() -> pd.DataFrame:
    """Ann answers, Bob is kept out, Cid answers too late to be known, Dee is written to tomorrow, Eve answered once."""
    rows = [
        ("ann", "c1", "E-Mail", "tea", WINTER, datetime(2024, 1, 5, 8), True),
        ("ann", "c2", "sms", "tea", MAY, None, True),
        ("ann", "c3", "sms", "jam", LATE, LATE, None),
        ("ann", "c4", "sms", "cup", LATE, None, False),
        ("bob", "c1", "e-mail", "tea", WINTER, WINTER, False),
        ("cid", "c3", "letter", None, LATE, JUNE, True),
        ("dee", "c5", "e-mail", "tea", JUNE, JUNE, True),
        ("eve", "c1", "pigeon", "tea", WINTER, MAY, True),
    ]
    contacts = pd.DataFrame(rows, columns=list(CONTACT_TYPES))
    tables = world(lines_of("user_id ts", ("ann", WINTER)), contacts=contacts)
    return frame(CAMPAIGNS.build(cut_before(tables, JUNE), JUNE)).set_index("user_id")


def test_whoever_was_chosen_before_is_there(shoppers: pd.DataFrame) -> None:
    assert list(shoppers.index) == ["ann", "bob", "cid", "eve"]


@pytest.mark.parametrize(
    ("who", "feature", "value"),
    [
        ("ann", "contacts", 3),
        ("ann", "contacts_30d", 2),
        ("ann", "contacts_365d", 3),
        ("ann", "responses", 2),
        ("ann", "responses_30d", 1),
        ("ann", "response_rate", (2 + 10 * 3 / 5) / 13),
        ("ann", "days_since_contact", 1),
        ("ann", "days_since_response", 1),
        ("ann", "days_to_respond", 1.5),
        ("ann", "held_back_share", 0.25),
        ("ann", "offers_seen", 2),
        ("ann", "email_contacts", 1),
        ("ann", "email_response_rate", 1.0),
        ("ann", "text_response_rate", 0.5),
        ("bob", "contacts", 0),
        ("bob", "held_back_share", 1.0),
        ("bob", "responses", 0),
        ("bob", "response_rate", 0.6),
        ("bob", "offers_seen", 0),
        ("cid", "responses", 0),
        ("cid", "post_contacts", 1),
        ("eve", "responses", 1),
        ("eve", "email_contacts", 0),
    ],
)
def test_known_campaigns(shoppers: pd.DataFrame, who: str, feature: str, value: float) -> None:
    assert shoppers.loc[who, feature] == pytest.approx(value)


@pytest.mark.parametrize(
    ("who", "feature"),
    [
        ("bob", "days_since_contact"),
        ("bob", "days_since_response"),
        ("cid", "days_since_response"),
        ("cid", "days_to_respond"),
        ("eve", "email_response_rate"),
    ],
)
def test_what_never_happened_is_missing(shoppers: pd.DataFrame, who: str, feature: str) -> None:
    assert pd.isna(shoppers.loc[who, feature])

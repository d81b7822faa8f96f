"""Simulate a whole retailer, from its catalogue to its defects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.simulator.baskets import fill_baskets, line_items_table, price_lines
from capflow_assets.simulator.campaigns import apply_campaigns, contacts_table, offer_rates, plan_campaigns
from capflow_assets.simulator.catalogue import Catalogue, make_catalogue
from capflow_assets.simulator.defects import DEFECTS
from capflow_assets.simulator.retailer import Retailer, SimulatedData
from capflow_assets.simulator.shoppers import make_shoppers, truth_table, users_table
from capflow_assets.simulator.visits import NO_CAMPAIGN, add_place_and_time, anonymous_visits, user_visits

if TYPE_CHECKING:
    import pandas as pd


def simulate(retailer: Retailer) -> SimulatedData:
    """Simulate a retailer's data: sales, users, items and campaigns, with the retailer's defects in the sales."""
    import pandas as pd

    catalogue, shoppers = make_catalogue(retailer), make_shoppers(retailer)
    plan = plan_campaigns(retailer, shoppers)
    known = apply_campaigns(retailer, shoppers, plan, user_visits(retailer, shoppers))
    anonymous = anonymous_visits(retailer, len(known)).assign(campaign=NO_CAMPAIGN)
    visits = add_place_and_time(retailer, shoppers, pd.concat([known, anonymous], ignore_index=True))
    offers = offer_rates(retailer, plan, visits)
    lines = fill_baskets(retailer, shoppers, catalogue, visits)
    lines = price_lines(retailer, catalogue, visits, offers, lines)
    line_items = line_items_table(retailer, catalogue, visits, lines)
    for name, defect in DEFECTS.items():
        if name in retailer.defects:
            line_items = defect(line_items, retailer.random(name))
    return SimulatedData(
        retailer=retailer,
        line_items=line_items,
        users=users_table(retailer, shoppers),
        items=catalogue.items,
        contacts=contacts_table(retailer, plan, visits),
        truth=truth_table(retailer, shoppers),
        item_styles=_item_styles(catalogue),
    )


def _item_styles(catalogue: Catalogue) -> pd.DataFrame:
    import pandas as pd

    styles = [catalogue.styles[number] for number in catalogue.style]
    return pd.DataFrame({"item_id": catalogue.items["item_id"], "style": styles})

"""`capflow` with a demo of fewer shoppers, in which only brewbar asks for every model."""

from __future__ import annotations

from dataclasses import replace

from capflow_assets.cli import main as capflow
from capflow_assets.simulator import demo
from capflow_assets.simulator.demo import DemoRetailer

SHOPPERS = {"brewbar": 300, "atelier": 500, "stride": 700}
MODELS = {name: "models: [churn, cltv, product_affinity, rfm_segments]" for name in ("atelier", "stride")}


class SmallerDemoRetailer(DemoRetailer):
    """One whose customer file asks for a few models."""

    def customer_file(self) -> str:
        """Its customer file, with the models of MODELS."""
        text, name = super().customer_file(), self.retailer.name
        return text.replace("models: all", MODELS[name]) if name in MODELS else text


def main() -> None:
    """Run the command line on the smaller demo."""
    demo.DEMO = tuple(
        SmallerDemoRetailer(replace(one.retailer, users=SHOPPERS[one.retailer.name]), one.kind) for one in demo.DEMO
    )
    capflow()


if __name__ == "__main__":
    main()

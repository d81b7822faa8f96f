"""Simulated retailers: realistic, seeded, with a known truth and with defects that can be switched on."""

from capflow_assets.simulator.customer_files import customer_file
from capflow_assets.simulator.defects import DEFECTS
from capflow_assets.simulator.demo import DEMO, FOLDER, DemoRetailer, write_demo
from capflow_assets.simulator.layouts import LAYOUTS
from capflow_assets.simulator.retailer import Retailer, SimulatedData
from capflow_assets.simulator.simulation import simulate
from capflow_assets.simulator.writers import source_frame, write, write_csv, write_parquet, write_sqlite

__all__ = [
    "DEFECTS",
    "DEMO",
    "FOLDER",
    "LAYOUTS",
    "DemoRetailer",
    "Retailer",
    "SimulatedData",
    "customer_file",
    "simulate",
    "source_frame",
    "write",
    "write_csv",
    "write_demo",
    "write_parquet",
    "write_sqlite",
]

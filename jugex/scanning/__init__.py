"""Every pair of an atlas of regions, on this machine or on a cluster, into a folder."""

from __future__ import annotations

from jugex.scanning.repeated import RepeatedPair
from jugex.scanning.results import Scan, load_scan
from jugex.scanning.run import Plan, plan_scan, scan

__all__ = ["Plan", "RepeatedPair", "Scan", "load_scan", "plan_scan", "scan"]

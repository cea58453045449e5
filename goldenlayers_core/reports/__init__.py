"""Results to hand on: one self-contained HTML file, or a zip of figures and tables, from the same sections."""

from goldenlayers_core.reports.bundle import csv_text, provenance_json, report_zip
from goldenlayers_core.reports.page import Report, Section, report_html

__all__ = ["Report", "Section", "csv_text", "provenance_json", "report_html", "report_zip"]

"""Results as one self-contained HTML file: figures with hover that works offline, tables, definitions, provenance."""

from goldenlayers_core.reports.page import Report, Section, report_html

__all__ = ["Report", "Section", "report_html"]

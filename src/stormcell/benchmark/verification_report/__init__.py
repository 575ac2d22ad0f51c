"""The report of a hindcast: one page that stands alone, its tables in Markdown, and the numbers behind every picture in CSV.

report            from results to files
evidence          the scores, pooled, with their confidence intervals
document          what a report is made of: sections, figures, tables
page, markdown    a document as HTML, and as Markdown
drawing, styles   plots as SVG; how each method looks in all of them
case_maps         forecasts of single cases, made again to be looked at
...               and a module for every section, listed in `report`
"""

from stormcell.benchmark.verification_report.case_maps import CaseMaps, case_maps
from stormcell.benchmark.verification_report.report import MARKDOWN, PAGE, write_document, write_report

__all__ = ["CaseMaps", "MARKDOWN", "PAGE", "case_maps", "write_document", "write_report"]

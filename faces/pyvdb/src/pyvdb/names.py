"""Document types as text: in rows, exports and dict metadata."""

from __future__ import annotations

from .enums import DocumentType

TEXT_NAMES = {
    DocumentType.Journal: "journal",
    DocumentType.Chart: "chart",
    DocumentType.CatalystWatchlist: "catalyst_watchlist",
    DocumentType.InstitutionalMatrix: "institutional_matrix",
    DocumentType.EconomicCalendar: "economic_calendar",
    DocumentType.WeeklyRundown: "weekly_rundown",
    DocumentType.ThreeMonthReport: "3m_report",
    DocumentType.OneYearReport: "1y_report",
    DocumentType.MonthlyReport: "monthly_report",
    DocumentType.PreMarket: "premarket",
    DocumentType.Unknown: "unknown",
}
TYPES_BY_NAME = {text: kind for kind, text in TEXT_NAMES.items()} | {kind.name: kind for kind in DocumentType}


def document_type(value: object) -> DocumentType:
    """Returns the type for a member, its name ("Journal") or its text name ("journal").

    Raises:
        TypeError: it is none of these.
    """
    if isinstance(value, DocumentType):
        return value
    found = TYPES_BY_NAME.get(value) if isinstance(value, str) else None
    if found is None:
        raise TypeError(f"type must be a DocumentType or the name of one, not {value!r:.80}")
    return found

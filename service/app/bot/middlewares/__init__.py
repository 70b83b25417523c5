"""The middlewares, one per file.

Around the update, outermost first: metrics, addressed, i18n, rate_limit, auth. Around the selected handler: guard,
handler_span.
"""

"""Other tools' APIs over the same record, so that their clients work unchanged.

    wire             what both have in common: Go's JSON, bare errors, requests that are read leniently
    marks            what their clients keep with messages and the record does not know: read, tags
    mailpit          /api/v1, as Mailpit answers it        mailpit_shapes   its JSON
    mailpit_search   its search language                   mailpit_send     its submission
    mailpit_chaos    its Chaos, as rules                   mailpit_checks   its checks of HTML and links
    mailpit_views    /view/... and the websocket
    mailhog          /api/v2, and /api/v1 with --compat mailhog, as MailHog answers them
    mailhog_shapes   its JSON                              mailhog_jim      its Jim, as rules

What is known of the two is in their sources; where they are dangerous, docs/compat.md says so.
"""

"""Whose call it is: by `config.toml`, or by a service of the operator's. Row 2.

* `answer` (pure) judges what the service said, as strictly as the config file.
* `cache` (pure) keeps answers, and for how long.
* `client` asks, signed and within the deadline.
* `directory` puts the three together: one call in, the config as that call sees it out.

A caller hears the telephone ring while the service is asked, so nobody waits for it twice: what
fails once is not asked again for a moment, and calls go on with an old answer, or with what the
file says. Rejected: to refuse calls while the service is away. An operator's web server that is
being restarted would take the telephone down with it.
"""

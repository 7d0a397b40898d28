# One text for each page: what it shows, and what to do. Paragraphs are divided by an empty line.
help-dashboard =
    The state of this node at a glance. A mark says how each part is doing: ✓ works, ▲ works but needs attention, ✕ does not work, ○ is off.

    Follow a name to see why a part is in its state and what to do about it.
help-users =
    Everyone who can sign in to this node. The list follows what you type; the button searches without JavaScript.

    Disable a user who left: the address stays theirs, contacts and archive are kept, and open sessions end at once. Remove only what nobody will ask for again.
help-users-new =
    A user of the built-in directory. Only keys derived from the password are stored, never the password.

    Many users at once come from a CSV file: see the command user import.
help-user =
    What this node knows of the user. Changes take effect at once, without a restart; open sessions learn of them.

    If nobody sees the user's meetings: is the calendar switched on here, and does the gateway's page name the user among those it could not read?
help-gateways =
    The calendar servers that this node asks about people's meetings. Each enabled gateway is asked about every user whose calendar is switched on; nobody has to write down who has a mailbox where.

    A gateway that is down keeps the meetings it knew for a while (see the setting calendar.outage), and goes on by itself.
help-gateway =
    How the calendar server answered when it was last asked, and whose calendars it could not read.

    Down: run the test, it says at which step it fails and what to do. Users without a calendar here may have it at another gateway.
help-gateways-new =
    The address of the calendar server, and an account that may read people's free and busy times there. Nothing is written to calendars.

    Save, then run the test: it names the step that fails.
help-gateway-test =
    Each step needs the one before. Connection: name, port, firewalls. TLS: who signed the server's certificate. Sign-in: account and password. Permission: what the account may read.

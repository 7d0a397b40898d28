# One text for each page: what it shows, and what to do. Paragraphs are divided by an empty line.
help-dashboard =
    The state of this node at a glance. A mark says how each part is doing: ✓ works, ▲ works but needs attention, ✕ does not work, ○ is off.

    Follow a name to see why a part is in its state and what to do about it.
help-users =
    Everyone who can sign in to this node. The list follows what you type; the button searches without JavaScript.

    Parts of the name, of its reading, of the user id, the mail address, the directory URI, the department or a number are found; of several words, each must be. Katakana and hiragana, widths, small kana, long vowels, blanks and hyphens make no difference, nor do 髙 and 高.

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
help-sign-in =
    For administrators of this node. People who chat use the chat page instead.

    Nobody is left who could sign in? On the host, zaiseki admin reset sets a new password.
help-set-up =
    This link works once, until the first administrator is made. It stands in the log of the node, so that only who can read that log can use it.
help-audit =
    Every change that an administrator, a token or the command line made, the newest first, with what was before and after. Passwords and keys never stand here. ∅ stands for nothing, or for a setting at its default.

    Follow a name to see all its changes. How long lines are kept says the setting admin.audit_days.
help-presence-settings =
    What people see of each other and of their calendars. A change takes effect at once, without a restart.
help-messaging-settings =
    What is kept of messages and for how long. A user's own switch stands on the user's page.
help-parameters =
    Everything else that can be set while the node runs. The name of a setting is the one of the API and of the command settings set.
help-security =
    Settings that guard the administration itself. Only the role administrator changes them.
help-people-settings =
    What users learn of each other from their clients. The search (XEP-0055) answers at search. before your domain; clients find it by themselves. Only people who can sign in are found. Whoever shall not be found is marked so in the profile.

    The number of people in one answer keeps the whole list from being carried off at once; clients can ask for the next ones.
help-addresses =
    Of what the addresses of users are made, for the whole cluster: of the user id, or of the directory URI as it comes from the directory. Only directory URIs of the served domain can be addresses; whoever has none keeps an address by the user id.

    Once switched, addresses follow the directory: another directory URI renames the user at the next synchronisation. People sign in by the user id or by the part of the address before the @, as they like; administrators know a user by the user id under either scheme. Peers of the cluster must use the same scheme.
help-user-profile =
    Names, their reading in kana, and where the user works. The reading is what people search by when they do not know the characters; it comes from the directory where one has it (Active Directory: msDS-PhoneticDisplayName).

    What comes from a directory is changed there. A directory URI given here is held against the directory until you release it with the command user set-profile --release.
help-user-sign-in =
    How users prove who they are. The mode holds for everybody in the domain; what is offered to a client never depends on who it is.

    local: passwords kept here, never sent by clients that know SCRAM. ldap: users who come from an LDAP directory sign in with its password, all others with the one kept here. oidc: clients bring an access token of the provider; nobody signs in by a password.

    While a directory or provider does not answer, new sign-ins are put off and running sessions go on. Test the directory on its own page; the troubleshooter looks at both.
help-import =
    Columns: userid, password, display name, mail, telephone, language, given name, family name, reading, directory uri, department, title, in any order if the first line names them; else userid, password, display name, mail, telephone. Instead of passwords the SCRAM keys of another server may stand there: salt, iterations, sha256_stored_key, sha256_server_key, sha1_stored_key, sha1_server_key (base64).

    A bad row never stops the others. Only users who do not exist yet are made; nothing existing is changed.
help-account =
    Your own account. Each change of it asks for your password again. End sessions that you do not know, and change your password then.
help-second-factor =
    With a second factor a password alone opens nothing: sign-in asks for a code that changes every 30 seconds. Any authenticator app will do (TOTP, RFC 6238).

    The recovery codes that follow are for the day the telephone is lost.
help-administrators =
    Accounts for this console and for the API. They are not users: nobody chats with them.

    The last administrator can be neither removed nor disabled. If nobody can sign in any more, zaiseki admin reset on the host helps.
help-tokens =
    Tokens let programs use the API. A token has at most the rights of its owner, and ends with the owner's account. Only a hash of it is kept.
help-jobs =
    Long work that is done in the background, newest first. It is kept across a restart of the node.
help-job =
    What the job has done so far, and its log. A job that waits is cancelled at once, one that runs before its next step. What is done stays done.
help-api =
    The REST API by area, with the right that each operation needs. A name that is grey needs a right that you have not. The OpenAPI document is for tools that make clients from it.

    Programs sign in with an API token (System › API tokens). On the host, the command line does the same: zaiseki --help.
help-api-operation =
    What the operation takes and answers. The form below sends it to this node with your own rights; the answer stands under it.

    Errors have one shape: a code, the field they are about, and a text in English and Japanese.
help-user-contacts =
    The user's contact list by address, with requests that wait for an answer. It is kept by the user's clients; this page only shows it.
help-presence-viewer =
    What one user sees of another at this moment, and how it came about: both contact lists, who has blocked whom, what each client and the calendar say, and which line of the table of precedence won.

    It is answered by the same rules that send presence. If what is seen here is right and a client shows something else, the fault is at the client.
help-services =
    The parts of this node, each supervised on its own. One that fails is started again by itself, after a pause that grows up to a minute; the others go on.

    Stop lasts until the service is started or the node restarts. Activate and deactivate last. What people notice while a service is stopped stands beside its buttons.
help-service =
    How the service is, since when and why. The log of the node says more about a failure.

    Stop lasts until the service is started or the node restarts; deactivate lasts until it is activated.
help-topology =
    The nodes, and where each of their doors listens. Addresses and networks stand in the configuration file, under [listen] and [allow]; a node reads them when it starts. docs/ports.md has one table for firewalls.
help-alarms =
    What is wrong with this node now, the worst first, with what was seen and what to do; below it what was wrong before. An alarm is over by itself when its cause is.

    Acknowledge an alarm to tell the others that you look after it. One that only tells of something that has happened is over by that.
help-alarm =
    Since when it holds, how often it was seen, and what was seen last. Do what stands under it; the alarm is over by itself when its cause is.
help-targets =
    Where alarms are sent besides this console: a syslog server (by TLS), mail, or a webhook. Each target gets what is at least as bad as you choose, and hears when it is over.

    A target that is down holds up nothing; it is tried again, and what it misses in the end is counted.
help-target =
    What came of sending, and how the target is reached. Send a test after each change: it says why it does not arrive.
help-log-level =
    How much the log of this node says. Another level holds for the time you choose and goes back by itself; the change stands in the audit log.
help-traces =
    The stanzas of one user's clients, for support. Element names, addresses and what the protocol needs are kept; of what people wrote only the length, as [7]. A trace ends by itself and can be read for an hour after it.

    Who starts or reads a trace stands in the audit log.
help-user-rename =
    The user id is the address before the @ of the domain. The person stays the same: only the address changes, for everybody at once.

    A user of an outside directory is renamed there; the next synchronisation follows.
help-troubleshooter =
    Checks of the node that only read: what was seen, why it matters, what to do, and where. Each takes ten seconds at most. To open this page runs nothing: it shows the last run of all checks.

    Begin with what has failed, from the top. On the host, zaiseki doctor runs the same checks, also while no node runs.

    The support bundle is one file for whoever helps you: these checks, settings, services, alarms, jobs, sizes, metrics and the last lines of the log. Passwords, keys, tokens and messages are not in it, and people have numbers instead of names. To make one takes as long as the checks, and stands in the audit log.
help-directories =
    Where users come from besides the built-in directory: LDAP, Active Directory, Unified CM. Each is synchronised at its times, or when you ask for it.

    Failed: follow the advice and run the test. Needs attention: look at the problems of entries.
help-directory =
    A synchronisation reads everything, or changes nothing. A user whose entry is gone cannot sign in any more, and is removed after the grace period; if the entry comes back before, so does the user.

    A dry run shows what a synchronisation would change, without changing anything.
help-directories-new =
    The servers, the account that reads, and which of their entries are users. Nothing is written to the directory.

    Save, run the test, look at a dry run, and then synchronise.
help-directory-test =
    Each step needs the one before. Connection: name, port, firewalls. TLS: who signed the server's certificate. Sign-in: account and password. Search base and users: base, filter, and what the account may read.
help-directory-preview =
    What a synchronisation would do now, user by user and field by field. The first 20,000 changes are kept until the next synchronisation or restart.

    Somebody is to be removed who should not be? The entry is missing from the answer: check base, filter and the rights of the account.
help-directory-problems =
    Entries of which something was not taken over when the directory was last synchronised, and what to do about each. A user id that several entries have is settled under Duplicates.
help-directory-leftovers =
    Users without an entry: they cannot sign in, and are removed when their time is over. Put the entry back to keep them, or remove them now on their own page.

    Old entries: the directory still has them, but the user id is that of a user from elsewhere. Remove such entries from the directory, or narrow base and filter.
help-directory-left-out =
    Entries that lost a user id under Duplicates. Synchronisations pass over them until they are taken in again.
help-duplicates =
    Every value that should be one person's and is claimed by several. Say who keeps it.

    A mail address or directory URI is taken from the others, and stays away whatever their directory says. Of entries with one user id the others are left out of later synchronisations.
help-bulk-im =
    An account may exist without being used. This enables many for IM and presence, or disables them, in the background; names of nobody stand in the log of the job and stop nothing.
help-certificates =
    The certificates that the node shows: one to XMPP clients, one over HTTPS. Follow a line to import one, to make a signing request for an authority, or to let the node make one itself. Every change holds for the next connection; nothing is restarted and nobody is disconnected.

    A certificate should hold the domain (XMPP) or the name in the address bar (HTTPS), and come from an authority that the clients know. An alarm is raised 30 days before one ends.
help-certificate =
    What is shown, where it comes from, and who issued it. Own certificates renew themselves. An imported one has to be replaced before it ends: make a signing request, have it signed, and import the answer.

    Compare the SHA-256 with what a client shows to be sure that nobody stands between.
help-certificate-reissue =
    The node's own authority makes a new key and certificate, which is shown at once and renews itself. Clients that believe the authority notice nothing.
help-certificate-request =
    Makes a key that stays in the node (ECDSA P-256) and a signing request (PKCS #10) with these names. Give the request to your authority, and import the certificate that it answers with. A request that is under way is replaced, and its key forgotten.
help-certificate-import =
    Takes a certificate with its chain, with its key or for the signing request under way. It is looked at first: the key belongs to it, each certificate was issued by the next, none has ended, no key is weak. Then it is shown at once.

    From a Windows authority, choose Base 64, and append the authority's own certificate. A file .pfx or .p12 is taken apart by: openssl pkcs12 -in file.pfx -nodes
help-trust =
    Authorities that the node believes when it connects to a server, besides those of its operating system: add your company's own authority here once, instead of at each gateway and directory. A gateway, directory or target with a certificate authority of its own believes only that one.

    Changes hold for the next connection. An alarm is raised 30 days before one ends.
help-acme =
    A public authority such as Let's Encrypt gives certificates to whoever shows that a name leads to them. The node asks for one, answers the authority's challenge at port 80 (acme_http in [listen] of the configuration file), shows the certificate at once, and renews it when a third of its life is left.

    A failure is tried again after 1 minute, 15 minutes, 1 hour, 4 hours, then daily; the certificate in use stays. To try it out, use the authority's staging directory first: public ones bear few failures. The authority publishes every name that it certifies.
help-admin-sign-in =
    An OpenID provider signs administrators in, by its own pages and its own second factor. Register the console there as a confidential client with the redirect URI shown above, then type its issuer, ID and secret here, and test it.

    Groups of the provider say who gets which role: an account is made at the first sign-in, and follows the groups at each one. Or existing administrators are found by name, once; from then on they are known by the provider's number for them, whatever their name becomes.

    Passwords can be switched off as soon as an administrator has signed in by the provider. The way back is on the host: zaiseki admin reset NAME.

help-notifications =
    What is changed on the pages of the console takes effect at once. The configuration file is read when the node starts: this page shows where it differs from what is in use, the worst first, and what has to be restarted.

    Keys of a service take effect when that service restarts; the others need a restart of the node. The process stays the same, so that whoever watches it (systemd) sees it go on.

    When the file cannot be used, everything that is wrong with it is listed. Mend it soon: after a power failure the node would not come back.

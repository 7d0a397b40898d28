# The frame around every page.
frame-skip = Skip to the content
frame-menu = Menu
frame-navigation = Pages
frame-sign-out = Sign out
frame-cancel = Cancel
frame-first = First page
frame-previous = Previous page
frame-next = Next page
frame-required = (required)
frame-save = Save
frame-edit = Edit
frame-remove = Remove
frame-search = Search
frame-help = Help
frame-refreshes = Refreshes by itself every { $seconds } s

nav-overview = Overview
nav-dashboard = Dashboard
nav-audit = Audit log

nav-system = System
nav-topology = Topology
nav-notifications = Notifications
nav-parameters = Parameters
nav-security = Security
nav-user-sign-in = Sign-in of users
nav-admin-sign-in = Administrators' sign-in
nav-administrators = Administrators
nav-tokens = API tokens
nav-certificates = Certificates
nav-trust = Trusted authorities
nav-targets = Alarm targets

nav-presence = Presence
nav-presence-settings = Settings
nav-gateways = Gateways

nav-messaging = Messaging
nav-messaging-settings = Settings

nav-people = People
nav-users = Users
nav-directories = Directories
nav-duplicates = Duplicates
nav-addresses = Address scheme
nav-people-settings = Search for people

nav-diagnostics = Diagnostics
nav-troubleshooter = Troubleshooter
nav-presence-viewer = Presence viewer

nav-bulk = Bulk administration
nav-jobs = Jobs

nav-serviceability = Serviceability
nav-control-center = Control center

nav-alarms = Alarms
nav-traces = Stanza trace
nav-log-level = Log level
error-title = That did not work
error-forbidden = You may not do this: it needs the right { $right }. An administrator with more rights can.
error-not-found-title = There is nothing here
error-not-found = The address is wrong, or what it named has been removed.
error-form = The form came without its token, or is too old. Nothing was changed; please send it again.
error-large = What was sent is too large. Nothing was changed.
frame-waiting = (waiting: { $number })
frame-open-alarms = (open alarms: { $number })
frame-overtaken = Somebody else has changed the same in the meantime, and nothing is saved yet. Decide at the marked fields, and save again.
frame-meanwhile = Saved by somebody else meanwhile: { $value }
frame-stale = Not refreshed since { $at }: the node does not answer, or you are signed out.

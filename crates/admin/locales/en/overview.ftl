dashboard-version = version
dashboard-database-bad = The database takes no writes: check the disk of the data folder. Messages are not accepted until it does.
dashboard-users = Users
dashboard-users-enabled = { $number } may sign in
dashboard-gateways = Presence gateways
dashboard-gateways-note = { $up } of { $all } answer
dashboard-started = Running since

//! Every limit that is not a setting has its name here; each has a test at it and one step past it.

/// Bytes of one stanza before sign-in (RFC 6120 §13.12 asks for at least 10,000).
pub const STANZA_BYTES_BEFORE_AUTH: usize = 16 * 1024;
/// Bytes of one stanza after sign-in.
pub const STANZA_BYTES: usize = 512 * 1024;
/// Nesting of elements within a stanza.
pub const STANZA_DEPTH: usize = 64;
/// Attributes on one element.
pub const ELEMENT_ATTRIBUTES: usize = 48;
/// Bytes of one element or attribute name.
pub const NAME_BYTES: usize = 256;
/// Failed sign-ins on one stream before it is closed.
pub const AUTH_TRIES_PER_STREAM: u8 = 3;
/// Bytes waiting to be written to one connection before it is cut off.
pub const OUTBOX_BYTES: usize = 4 * 1024 * 1024;
/// Stanzas that wait for a client's acknowledgement before its stream is given up.
pub const UNACKED_STANZAS: usize = 4_096;
/// Bytes of stanzas that wait for a client's acknowledgement: below [`OUTBOX_BYTES`], since all of them are sent again at
/// once when the stream is resumed.
pub const UNACKED_BYTES: usize = 3 * 1024 * 1024;
/// Stanzas of one client that wait until the one before them is done, while a user is read from the database.
pub const WAITING_STANZAS: usize = 4_096;
/// Bytes of those stanzas.
pub const WAITING_BYTES: usize = 4 * 1024 * 1024;
/// Sessions (resources) of one user.
pub const SESSIONS_PER_USER: usize = 20;
/// Offline messages kept for one user.
pub const OFFLINE_MESSAGES: usize = 10_000;
/// Groups of one roster item.
pub const ROSTER_GROUPS: usize = 64;
/// Bytes of a roster item's name, or of one group's name (RFC 6121 §2.3.3 lets the server set it).
pub const ROSTER_NAME_BYTES: usize = 1_023;
/// Bytes of what a subscription request says, kept until it is answered.
pub const SUBSCRIPTION_BYTES: usize = 16 * 1024;
/// Blocked addresses of one user.
pub const BLOCKED_JIDS: usize = 1_000;
/// Nodes (PEP) of one user.
pub const PEP_NODES: usize = 128;
/// Items of one PEP node when `max_items` is `max`.
pub const PEP_ITEMS: usize = 1_000;
/// Bytes of the items in one answer from a PEP node, their ids counted six times (as escaping may make of them); what
/// follows is read by RSM. Well below [`OUTBOX_BYTES`], which ends the connection.
pub const PEP_ANSWER_BYTES: usize = 1024 * 1024;
/// Bytes of the name of a PEP node or item.
pub const PEP_NAME_BYTES: usize = 1_023;
/// Private XML documents (XEP-0049) of one user.
pub const PRIVATE_DOCUMENTS: usize = 256;
/// Bytes of one PEP item, vCard or private XML document.
pub const DOCUMENT_BYTES: usize = 256 * 1024;
/// Items of one result page (RSM).
pub const PAGE_ITEMS: usize = 250;
/// Bytes of a page of archived or offline messages: the message that reaches it is the page's last.
pub const PAGE_BYTES: usize = 1024 * 1024;
/// Items of a result page when the client names no `max`.
pub const PAGE_ITEMS_DEFAULT: usize = 50;
/// Bytes of what one resource has directed at them, kept so that the calendar's part of it can change.
pub const DIRECTED_BYTES: usize = 256 * 1024;
/// Addresses that got directed presence from one resource.
pub const DIRECTED_PRESENCES: usize = 1_000;
/// Senders whose presence is held back for an inactive client (XEP-0352); the oldest go first.
pub const HELD_PRESENCES: usize = 10_000;
/// Entries that one directory (LDAP) may have.
pub const DIRECTORY_ENTRIES: usize = 500_000;
/// Bytes of one message of an LDAP server.
pub const LDAP_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// Nesting of BER elements within such a message.
pub const LDAP_MESSAGE_DEPTH: usize = 32;
/// Referrals followed while one directory is read, where following is allowed.
pub const LDAP_REFERRALS: usize = 32;
/// Bytes of one answer of Unified CM (AXL), which stops at 8 MB itself.
pub const AXL_ANSWER_BYTES: usize = 12 * 1024 * 1024;
/// Users read one by one after a look into the change queue of Unified CM; for more, everybody is read.
pub const AXL_CHANGES: usize = 2_000;
/// Servers of one directory.
pub const DIRECTORY_SERVERS: usize = 8;
/// Binds of users to LDAP servers at once; further ones wait for their turn within [`SIGN_IN_WAIT`].
pub const LDAP_BINDS: usize = 64;
/// How long a directory or provider may take to say who somebody is, the wait for a turn included.
pub const SIGN_IN_WAIT: std::time::Duration = std::time::Duration::from_secs(10);
/// Bytes of an access token; a stanza before sign-in has room for it.
pub const TOKEN_BYTES: usize = 8 * 1024;
/// Characters of an administrator's name.
pub const ADMIN_NAME_CHARS: usize = 64;
/// Characters of an administrator's password.
pub const ADMIN_PASSWORD_CHARS: usize = 256;
/// Administrators of a cluster.
pub const ADMINISTRATORS: usize = 1_000;
/// Browser sessions of one administrator; the one used longest ago makes room.
pub const SESSIONS_PER_ADMIN: usize = 10;
/// API tokens of one administrator.
pub const TOKENS_PER_ADMIN: usize = 50;
/// Characters of a token's name.
pub const TOKEN_NAME_CHARS: usize = 64;
/// Days until a token expires, at most.
pub const TOKEN_DAYS: u32 = 3_650;
/// Passwords of administrators hashed at once (19 MiB of memory each), and waiting for their turn.
pub const PASSWORD_HASHES: usize = 2;
pub const PASSWORD_HASHES_WAITING: usize = 32;
/// Accounts and addresses whose failed sign-ins are remembered; the one that failed longest ago makes room.
pub const SIGN_IN_SUBJECTS: usize = 10_000;
/// Lines in one page of the audit log.
pub const PAGE_AUDIT: usize = 500;
/// Jobs that wait or run.
pub const JOBS_WAITING: usize = 1_000;
/// Jobs that ended and are still shown; the oldest go first.
pub const JOBS_KEPT: usize = 1_000;
/// Bytes of a job's input (JSON).
pub const JOB_INPUT_BYTES: usize = 8 * 1024 * 1024;
/// Users named in the input of one job.
pub const JOB_USERS: usize = 100_000;
/// Lines of one job's log; further ones are counted. Why a job failed has a line of its own.
pub const JOB_LOG_LINES: usize = 10_000;
/// Characters of such a line.
pub const JOB_LOG_CHARS: usize = 1_000;
/// Times a job is taken up again after the process died, when it does nothing in between.
pub const JOB_RESUMES: u64 = 5;
/// Jobs, or lines of a job's log, in one page.
pub const PAGE_JOBS: usize = 500;
/// Samples of a node's counts kept for the console, one each second: ten minutes.
pub const VITALS_KEPT: usize = 600;
/// Alarms that are open at once; further ones only stand in the log.
pub const ALARMS_OPEN: usize = 1_000;
/// Alarms that are over and still shown; the oldest go first.
pub const ALARMS_KEPT: usize = 5_000;
/// Characters of an alarm's subject, and of what it says.
pub const ALARM_SUBJECT_CHARS: usize = 256;
pub const ALARM_DETAIL_CHARS: usize = 1_000;
/// Alarms in one page.
pub const PAGE_ALARMS: usize = 500;
/// Places that alarms are sent to.
pub const ALARM_TARGETS: usize = 16;
/// Changes of alarms that wait for one of those places; the oldest go first, and are counted.
pub const ALARM_QUEUE: usize = 256;
/// Earlier names of one user that still lead to it; the oldest goes.
pub const ALIASES_PER_USER: usize = 8;
/// Words of one search for people, and characters of all of them; what comes after is not looked at.
pub const SEARCH_WORDS: usize = 8;
pub const SEARCH_CHARS: usize = 100;
/// Contacts of one user in one page.
pub const PAGE_CONTACTS: usize = 500;
/// Traces of users' stanzas that run or that ended lately.
pub const TRACES: usize = 8;
/// Stanzas of one trace, and bytes of them; one past either ends it.
pub const TRACE_STANZAS: usize = 1_000;
pub const TRACE_BYTES: usize = 1024 * 1024;
/// Bytes of one stanza in a trace; of a longer one only the beginning of its redacted form is kept.
pub const TRACE_STANZA_BYTES: usize = 8 * 1024;
/// Authorities that are believed besides the operating system's.
pub const TRUSTED_AUTHORITIES: usize = 100;
/// Names of one certificate that is asked for.
pub const CERTIFICATE_NAMES: usize = 100;
/// Events of the log that are kept for the support bundle, and characters of one.
pub const LOG_LINES_KEPT: usize = 2_000;
pub const LOG_LINE_CHARS: usize = 1_000;
/// Rows of a table counted for the support bundle; of a larger one only that there are more.
pub const ROWS_COUNTED: u64 = 1_000_000;
/// Spans that wait for the collector of traces, one past them being dropped and counted; and those of one push.
pub const SPANS_WAITING: usize = 2_048;
pub const SPANS_PER_BATCH: usize = 512;

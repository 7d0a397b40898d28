//! How people are found: one folded row a user (see [`zaiseki_model::search`]), kept in the transaction of each change.
//!
//! A search walks over all rows of the domain in the order of names; with 75,000 users that is a matter of some milliseconds,
//! for two letters of kana as for a whole name. The function `strpos` is PostgreSQL's.

use crate::database::Database;
use crate::error::{Doing, Result};
use memchr::memmem::Finder;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use zaiseki_model::limits::SEARCH_WORDS;
use zaiseki_model::search::{RULES, fold, words};
use zaiseki_xmpp::jid;

/// Ends each piece of the folded text, so that nothing is found across two of them.
const END: char = '\u{1f}';
/// The pieces that come first, in this order; the numbers follow.
const PIECES: usize = 8;

/// A question of a user about others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// Found in anything that is known of the user.
    pub any: String,
    /// Found in the given name, the family name (or the reading of the whole), the display name or user id, the mail address.
    pub first: String,
    pub last: String,
    pub nick: String,
    pub mail: String,
    /// Mail addresses and telephone numbers are looked at.
    pub contact_details: bool,
    /// Only names after this one.
    pub after: Option<String>,
    pub limit: usize,
}

/// Somebody who was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundPerson {
    /// The localpart.
    pub name: String,
    pub display_name: String,
    pub given_name: String,
    pub family_name: String,
    pub phonetic_name: String,
    pub mail: String,
    pub telephone: String,
    pub department: String,
    pub title: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundPeople {
    /// By name.
    pub people: Vec<FoundPerson>,
    /// There are more.
    pub more: bool,
}

impl SearchQuery {
    /// Nothing is asked for; not so with a bare `*`, by which clients ask for everybody.
    pub fn is_empty(&self) -> bool {
        [&self.any, &self.first, &self.last, &self.nick, &self.mail].into_iter().all(|text| text.trim().is_empty())
    }
}

/// Gives the connection the function `strpos(text, part)`: the place of the first one in bytes, from 1; 0 when there is none.
pub(crate) fn add_functions(conn: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function("strpos", 2, flags, |context: &Context<'_>| {
        let finder = context.get_or_create_aux(1, |part| Ok::<_, rusqlite::Error>(Finder::new(part.as_bytes()?).into_owned()))?;
        let found = finder.find(context.get_raw(0).as_bytes()?);
        Ok(found.map_or(0, |at| at as i64 + 1))
    })
}

/// The condition that each of so many words, the parameters from `first` on, is found.
pub(crate) fn condition(words: usize, first: usize) -> String {
    (first..first + words).map(|place| format!(" AND strpos(s.folded, ?{place}) > 0")).collect()
}

impl Database {
    /// Makes the rows anew when they are missing or were made by other rules.
    pub(crate) fn fill_search(&mut self) -> Result<()> {
        let operation = "making the search of users";
        if self.meta_get("search_rules")?.as_deref() == Some(&[RULES]) {
            return Ok(());
        }
        let tx = self.begin(operation)?;
        let mut statement = self.conn.prepare("SELECT user_key FROM account").doing(operation)?;
        let keys: Vec<i64> = statement.query_map([], |row| row.get(0)).and_then(|rows| rows.collect()).doing(operation)?;
        keys.into_iter().try_for_each(|key| self.refresh_search(key))?;
        drop(statement);
        let sql = "INSERT INTO meta (meta_key, value) VALUES ('search_rules', ?1)
                   ON CONFLICT (meta_key) DO UPDATE SET value = excluded.value";
        self.run(operation, sql, [&[RULES][..]])?;
        tx.commit().doing(operation)
    }

    /// Within the transaction of whatever changed the user's name, state, profile or numbers.
    pub(crate) fn refresh_search(&self, key: i64) -> Result<()> {
        let operation = "writing how a user is found";
        let sql = "SELECT a.domain, a.name, a.enabled AND a.im AND NOT coalesce(p.unlisted, FALSE), a.display_name,
                   coalesce(p.given_name, ''), coalesce(p.family_name, ''), coalesce(p.phonetic_name, ''), a.mail,
                   coalesce(p.directory_uri, ''), coalesce(p.department, ''), a.telephone, a.user_id
                   FROM account a LEFT JOIN profile p ON p.user_key = a.user_key WHERE a.user_key = ?1";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let row = statement.query_row([key], |row| {
            let (domain, name, listed): (String, String, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let user_id: Option<String> = row.get(3 + PIECES)?;
            let called = user_id.iter().chain([&name]).map(|name| fold(&jid::unescape_local(name)));
            let mut pieces = vec![called.collect::<Vec<_>>().join("\u{1e}")];
            for column in 3..3 + PIECES {
                pieces.push(fold(row.get_ref(column)?.as_str()?));
            }
            Ok((domain, name, listed, pieces))
        });
        let Some((domain, name, listed, mut pieces)) = row.optional().doing(operation)? else { return Ok(()) };
        let mut statement =
            self.conn.prepare_cached("SELECT number FROM user_number WHERE user_key = ?1 ORDER BY position").doing(operation)?;
        let mut rows = statement.query([key]).doing(operation)?;
        while let Some(row) = rows.next().doing(operation)? {
            let number = fold(row.get_ref(0).doing(operation)?.as_str().unwrap_or_default());
            if pieces[PIECES..].iter().all(|other| *other != number) {
                pieces.push(number);
            }
        }
        let mut folded = String::new();
        for piece in &pieces {
            folded.push_str(piece);
            folded.push(END);
        }
        let sql = "INSERT INTO user_search (domain, name, user_key, listed, folded) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (user_key) DO UPDATE SET domain = excluded.domain, name = excluded.name,
                   listed = excluded.listed, folded = excluded.folded";
        self.run(operation, sql, params![domain, name, key, listed, folded]).map(drop)
    }

    /// Whom a user may find: those who can sign in and are not left out.
    pub(crate) fn find_people(&self, query: &SearchQuery) -> Result<FoundPeople> {
        let operation = "searching people";
        if !query.contact_details && !words(&query.mail).is_empty() {
            return Ok(FoundPeople::default());
        }
        let asked = Asked::new(query);
        let mut wanted: Vec<&String> = asked.pieces.iter().flat_map(|(_, words)| words).chain(&asked.any).collect();
        wanted.truncate(SEARCH_WORDS);
        let sql = format!(
            "SELECT s.user_key, s.folded FROM user_search s WHERE s.domain = ?1 AND s.name > ?2 AND s.listed{} ORDER BY s.name",
            condition(wanted.len(), 3)
        );
        let after = query.after.clone().unwrap_or_default();
        let values = [self.domain.clone(), after].into_iter().chain(wanted.into_iter().cloned()).map(Value::Text);
        let mut statement = self.conn.prepare_cached(&sql).doing(operation)?;
        let mut rows = statement.query(params_from_iter(values)).doing(operation)?;
        let mut found = FoundPeople::default();
        while let Some(row) = rows.next().doing(operation)? {
            if !asked.fits(row.get_ref(1).doing(operation)?.as_str().unwrap_or_default()) {
                continue;
            }
            if found.people.len() == query.limit {
                found.more = true;
                break;
            }
            found.people.extend(self.found_person(row.get(0).doing(operation)?)?);
        }
        Ok(found)
    }

    fn found_person(&self, key: i64) -> Result<Option<FoundPerson>> {
        let operation = "reading somebody who was found";
        let sql = "SELECT a.name, a.display_name, coalesce(p.given_name, ''), coalesce(p.family_name, ''),
                   coalesce(p.phonetic_name, ''), a.mail, a.telephone, coalesce(p.department, ''), coalesce(p.title, '')
                   FROM account a LEFT JOIN profile p ON p.user_key = a.user_key WHERE a.user_key = ?1";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let person = statement.query_row([key], |row| {
            Ok(FoundPerson {
                name: row.get(0)?,
                display_name: row.get(1)?,
                given_name: row.get(2)?,
                family_name: row.get(3)?,
                phonetic_name: row.get(4)?,
                mail: row.get(5)?,
                telephone: row.get(6)?,
                department: row.get(7)?,
                title: row.get(8)?,
            })
        });
        person.optional().doing(operation)
    }
}

/// A query as it is compared.
struct Asked {
    any: Vec<String>,
    /// Places of pieces, and the words that one of them must hold.
    pieces: [(&'static [usize], Vec<String>); 4],
    contact_details: bool,
}

/// Places of the pieces of a folded row.
const NAME: usize = 0;
const DISPLAY_NAME: usize = 1;
const GIVEN_NAME: usize = 2;
const FAMILY_NAME: usize = 3;
const READING: usize = 4;
const MAIL: usize = 5;
/// From here on, but for the department, everything is a way to reach somebody.
const DEPARTMENT: usize = 7;

impl Asked {
    fn new(query: &SearchQuery) -> Asked {
        Asked {
            any: words(&query.any),
            pieces: [
                (&[GIVEN_NAME, READING], words(&query.first)),
                (&[FAMILY_NAME, READING], words(&query.last)),
                (&[NAME, DISPLAY_NAME], words(&query.nick)),
                (&[MAIL], words(&query.mail)),
            ],
            contact_details: query.contact_details,
        }
    }

    fn fits(&self, folded: &str) -> bool {
        let pieces: Vec<&str> = folded.split(END).collect();
        // Who has a display name alone is known by nothing else.
        let nameless = pieces.len() > FAMILY_NAME && pieces[GIVEN_NAME].is_empty() && pieces[FAMILY_NAME].is_empty();
        let of = |place: usize| match place {
            GIVEN_NAME | FAMILY_NAME if nameless => DISPLAY_NAME,
            place => place,
        };
        let holds = |place: usize, word: &String| pieces.get(of(place)).is_some_and(|piece| piece.contains(word.as_str()));
        let shown = |place: &usize| self.contact_details || *place < MAIL || *place == DEPARTMENT;
        let everywhere = |word: &String| (0..pieces.len()).filter(shown).any(|place| holds(place, word));
        self.any.iter().all(everywhere)
            && self.pieces.iter().all(|(places, words)| words.iter().all(|word| places.iter().any(|place| holds(*place, word))))
    }
}

//! From the configured address to a user's calendars (RFC 6764 §6, RFC 5397, RFC 4791 §6.2.1).

use super::dav::{Dav, DavError, Resource};
use crate::ical::{Zone, calendar_zone};
use crate::source::Window;
use crate::xml::{CALDAV, DAV};
use zaiseki_net::http::Url;

/// Calendars followed for one user.
const MAX_CALENDARS: usize = 50;

/// What was found for a user.
#[derive(Clone, Debug)]
pub enum Place {
    Calendars(Vec<Calendar>),
    /// The home may not be listed: only free/busy of the home as a whole can be asked for.
    Home(Url),
}

#[derive(Clone, Debug)]
pub struct Calendar {
    pub url: Url,
    /// CALDAV:calendar-timezone; `None`: the setting's.
    pub zone: Option<Zone>,
}

const WHERE: &str = "<d:resourcetype/><d:current-user-principal/><c:calendar-home-set/>";
const CALENDAR: &str =
    "<d:resourcetype/><c:supported-calendar-component-set/><c:schedule-calendar-transp/><c:calendar-timezone/>";

/// Finds the calendars behind `url`: a calendar, a home, a principal, or (`root`: the address names no user, the account does) the
/// server's root.
pub async fn find(dav: &Dav<'_>, url: &Url, root: bool, window: Window) -> Result<Place, DavError> {
    let start = if root { entry_point(dav, url).await? } else { first(dav.propfind(url, "0", WHERE).await)? };
    if is_calendar(&start) {
        return calendars(vec![first(dav.propfind(&start.url, "0", CALENDAR).await)?], window);
    }
    let home = home_of(dav, start, root).await?;
    match dav.propfind(&home, "1", CALENDAR).await {
        Ok(resources) => calendars(resources, window),
        Err(DavError::Forbidden(_)) => Ok(Place::Home(home)),
        Err(other) => Err(other),
    }
}

/// The well-known address (RFC 6764 §5), whose redirect is followed; without one, the configured address itself.
async fn entry_point(dav: &Dav<'_>, url: &Url) -> Result<Resource, DavError> {
    if url.path() == "/"
        && let Ok(well_known) = url.join("/.well-known/caldav")
    {
        match dav.propfind(&well_known, "0", WHERE).await {
            Err(DavError::NotFound | DavError::Forbidden(_) | DavError::Malformed(_) | DavError::Status(_)) => {}
            other => return first(other),
        }
    }
    first(dav.propfind(url, "0", WHERE).await)
}

/// The calendar home: named by the resource or by the account's principal; else the address itself is taken for it. The
/// principal counts only when the account is the user's: a service account's own home is nobody's business.
async fn home_of(dav: &Dav<'_>, start: Resource, root: bool) -> Result<Url, DavError> {
    if let Some(home) = start.link(CALDAV, "calendar-home-set") {
        return Ok(home);
    }
    if let Some(principal) = start.link(DAV, "current-user-principal").filter(|_| root) {
        let principal = first(dav.propfind(&principal, "0", "<c:calendar-home-set/>").await)?;
        if let Some(home) = principal.link(CALDAV, "calendar-home-set") {
            return Ok(home);
        }
    }
    Ok(start.url)
}

fn first(resources: Result<Vec<Resource>, DavError>) -> Result<Resource, DavError> {
    resources?.into_iter().next().ok_or_else(|| DavError::Malformed("an empty multi-status".to_owned()))
}

fn is_calendar(resource: &Resource) -> bool {
    resource.property(DAV, "resourcetype").is_some_and(|t| t.child(CALDAV, "calendar").is_some())
}

/// A calendar of events whose owner's time counts (RFC 6638 §9.1: a transparent calendar does not).
fn counts(resource: &Resource) -> bool {
    let events = match resource.property(CALDAV, "supported-calendar-component-set") {
        Some(set) if !set.children.is_empty() => set.children.iter().any(|c| c.attribute("name") == Some("VEVENT")),
        _ => true,
    };
    let transparent =
        resource.property(CALDAV, "schedule-calendar-transp").is_some_and(|t| t.child(CALDAV, "transparent").is_some());
    is_calendar(resource) && events && !transparent
}

fn calendars(resources: Vec<Resource>, window: Window) -> Result<Place, DavError> {
    let found = resources.into_iter().filter(counts).take(MAX_CALENDARS).map(|resource| {
        let zone = resource.property(CALDAV, "calendar-timezone").and_then(|p| calendar_zone(&p.text, window));
        Calendar { url: resource.url, zone }
    });
    Ok(Place::Calendars(found.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use zaiseki_model::Timestamp;

    /// The calendars found in a home with so many, each after a folder that is none.
    fn found(count: usize) -> Vec<Calendar> {
        let resource = |name: String, kind: &str| {
            let text = format!("<resourcetype xmlns='{DAV}'><collection/>{kind}</resourcetype>");
            let url = Url::parse(&format!("https://dav.example.test/home/{name}/")).unwrap();
            Resource { url, properties: vec![crate::xml::parse(text.as_bytes()).unwrap()] }
        };
        let calendar = format!("<calendar xmlns='{CALDAV}'/>");
        let home = (1..=count).flat_map(|n| [resource(format!("folder{n}"), ""), resource(n.to_string(), &calendar)]);
        let window = Window { start: Timestamp::ZERO, end: Timestamp::from_secs(86_400) };
        match calendars(home.collect(), window) {
            Ok(Place::Calendars(calendars)) => calendars,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn calendars_of_one_user_are_followed_up_to_the_limit() {
        for there in [MAX_CALENDARS, MAX_CALENDARS + 1] {
            let found = found(there);
            assert_eq!(found.len(), MAX_CALENDARS, "{there}");
            let last = found.last().map(|calendar| calendar.url.to_string());
            assert_eq!(last, Some(format!("https://dav.example.test/home/{MAX_CALENDARS}/")), "the first ones");
        }
    }
}

//! Which door stands where: what answers at each of the addresses for HTTPS.

use crate::config::Listen;
use std::net::SocketAddr;

/// A key of `[listen]` for HTTPS, metrics left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Https,
    Admin,
    Console,
    Api,
    Web,
}

/// What answers at a place, besides `/health` and `/ready`, which answer everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The chat page, WebSocket, BOSH, host-meta.
    pub web: bool,
    pub console: bool,
    pub api: bool,
}

impl Place {
    pub const ALL: [Place; 5] = [Place::Https, Place::Admin, Place::Console, Place::Api, Place::Web];

    pub fn addresses(self, listen: &Listen) -> &[SocketAddr] {
        match self {
            Place::Https => &listen.https,
            Place::Admin => &listen.admin,
            Place::Console => &listen.console,
            Place::Api => &listen.api,
            Place::Web => &listen.web,
        }
    }

    /// Whoever has addresses of its own answers only there; console and API have a place in common before `https`.
    pub fn offer(self, listen: &Listen) -> Offer {
        let (console, api, admin) = (listen.console.is_empty(), listen.api.is_empty(), listen.admin.is_empty());
        match self {
            Place::Https => Offer { web: listen.web.is_empty(), console: console && admin, api: api && admin },
            Place::Admin => Offer { web: false, console, api },
            Place::Console => Offer { console: true, ..Offer::default() },
            Place::Api => Offer { api: true, ..Offer::default() },
            Place::Web => Offer { web: true, ..Offer::default() },
        }
    }

    /// For the log, after "listening for".
    pub fn words(self) -> &'static str {
        match self {
            Place::Https => "HTTPS",
            Place::Admin => "administration",
            Place::Console => "the console",
            Place::Api => "the API",
            Place::Web => "web clients",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(keys: &[Place]) -> Listen {
        let of = |place: Place| if keys.contains(&place) { vec![SocketAddr::from(([127, 0, 0, 1], 0))] } else { Vec::new() };
        let (https, admin, console) = (of(Place::Https), of(Place::Admin), of(Place::Console));
        Listen { https, admin, console, api: of(Place::Api), web: of(Place::Web), ..Listen::default() }
    }

    /// Where web clients, console and API are.
    fn found(keys: &[Place]) -> [Vec<Place>; 3] {
        let listen = listen(keys);
        let open: Vec<(Place, Offer)> =
            Place::ALL.into_iter().filter(|p| keys.contains(p)).map(|p| (p, p.offer(&listen))).collect();
        let where_is =
            |which: fn(Offer) -> bool| open.iter().filter(|(_, offer)| which(*offer)).map(|(place, _)| *place).collect();
        [where_is(|offer| offer.web), where_is(|offer| offer.console), where_is(|offer| offer.api)]
    }

    #[test]
    fn whoever_has_an_address_of_its_own_answers_only_there() {
        use Place::{Admin, Api, Console, Https, Web};
        assert_eq!(found(&[Https]), [vec![Https], vec![Https], vec![Https]]);
        assert_eq!(found(&[Https, Admin]), [vec![Https], vec![Admin], vec![Admin]]);
        assert_eq!(found(&[Https, Console]), [vec![Https], vec![Console], vec![Https]]);
        assert_eq!(found(&[Https, Admin, Api]), [vec![Https], vec![Admin], vec![Api]]);
        assert_eq!(found(&[Https, Web]), [vec![Web], vec![Https], vec![Https]]);
        assert_eq!(found(&[Console, Api, Web]), [vec![Web], vec![Console], vec![Api]]);
        assert_eq!(found(&[Admin]), [vec![], vec![Admin], vec![Admin]]);
    }
}

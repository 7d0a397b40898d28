//! Calendar facts at the user's home: they change what others see of each resource, exactly when a meeting begins and ends.

use crate::engine::timers::Timer;
use crate::engine::{Engine, HomeIx, SessionId};
use bytes::Bytes;
use std::sync::Arc;
use zaiseki_model::live::{LiveCalendar, LiveFact};
use zaiseki_model::{FactSource, GatewayId, PresenceFact, Timestamp};
use zaiseki_presence::compose::{self, Composed, Current, FactKind, OwnPresence, Timeline};

/// What the engine knows of one user's calendar. It outlives a home that is put away.
pub(crate) struct Calendar {
    gateway: GatewayId,
    timeline: Timeline,
    /// What watchers were told last as the user's activity, its bytes: kind and text, which has a language.
    told: Option<Bytes>,
    /// When the timer is set for.
    armed: Option<Timestamp>,
}

impl Engine {
    /// A newer fact replaces the older one as a whole.
    pub fn fact(&mut self, now: Timestamp, fact: PresenceFact) {
        self.now = now;
        let name: Arc<str> = fact.name.as_str().into();
        let Some(FactSource::Gateway(gateway)) = fact.source else {
            let told = self.calendars.remove(&name).and_then(|calendar| calendar.told);
            return self.no_longer_served(&name, told);
        };
        let timeline = Timeline::new(fact);
        let served = match self.calendars.get_mut(&name) {
            Some(calendar) => {
                (calendar.gateway, calendar.timeline) = (gateway, timeline);
                true
            }
            None => {
                self.calendars.insert(name.clone(), Calendar { gateway, timeline, told: None, armed: None });
                false
            }
        };
        self.calendar_moved(&name);
        if !served
            && let Some(home) = self.home_ready(&name)
            && self.activity_kind(home).is_none()
        {
            crate::handlers::pep::hide_claim(self, home);
        }
    }

    fn no_longer_served(&mut self, name: &str, told: Option<Bytes>) {
        let Some(home) = self.home_ready(name) else { return };
        self.recompose(home);
        if told.is_some() {
            crate::handlers::pep::meeting_activity_changed(self, home, None);
        }
    }

    /// The timer of a boundary: the engine asks nobody, it knows the interval's end.
    pub(crate) fn calendar_due(&mut self, name: &Arc<str>) {
        if let Some(calendar) = self.calendars.get_mut(name) {
            calendar.armed = None;
            self.calendar_moved(name);
        }
    }

    fn calendar_moved(&mut self, name: &Arc<str>) {
        let now = self.now;
        let Some(calendar) = self.calendars.get_mut(name) else { return };
        let next = calendar.timeline.next_change(now);
        if let Some(next) = next.filter(|next| calendar.armed.is_none_or(|armed| *next < armed)) {
            calendar.armed = Some(next);
            self.timers.set(next, Timer::Calendar(name.clone()));
        }
        if let Some(home) = self.home_ready(name) {
            self.recompose(home);
            self.activity_moved(home);
        }
    }

    /// The activity that the calendar sets now (XEP-0108): what one resource at least has not overruled by an explicit
    /// choice, so that activity and presence say the same. Without a resource nobody overrules anything.
    pub(crate) fn activity_kind(&self, home: HomeIx) -> Option<FactKind> {
        let current = self.meeting(&self.homes.get(home)?.name)?;
        let sessions = self.available_sessions(home);
        if sessions.is_empty() {
            return Some(current.kind);
        }
        let left = |id| {
            let own = &self.session(id)?.available.as_ref()?.own;
            compose::left_of(own, &current, &self.settings.calendar)
        };
        sessions.into_iter().filter_map(left).min_by_key(|kind| kind.level())
    }

    /// Tells the watchers of the activity when it has changed.
    pub(crate) fn activity_moved(&mut self, home: HomeIx) {
        let activity = self.activity_override(home).map(|activity| Bytes::from(activity.to_bytes()));
        let Some(name) = self.homes.get(home).map(|h| h.name.clone()) else { return };
        let Some(calendar) = self.calendars.get_mut(&name) else { return };
        if calendar.told != activity {
            calendar.told.clone_from(&activity);
            crate::handlers::pep::meeting_activity_changed(self, home, activity);
        }
    }

    /// What the calendar says of the user now.
    pub(crate) fn meeting(&self, name: &str) -> Option<Current> {
        self.calendars.get(name)?.timeline.state_at(self.now, &self.settings.calendar)
    }

    /// The user's calendar under a new name, until the gateway speaks of it itself.
    pub(crate) fn move_calendar(&mut self, name: &str, to: &str) {
        let Some(calendar) = self.calendars.remove(name) else { return };
        self.place_calendar(to, calendar);
    }

    pub(crate) fn place_calendar(&mut self, to: &str, calendar: Calendar) {
        let to: Arc<str> = to.into();
        self.calendars.insert(to.clone(), Calendar { armed: None, ..calendar });
        self.calendar_moved(&to);
    }

    /// The calendar's part of what is known of the user.
    pub(crate) fn live_calendar(&self, name: &str) -> Option<LiveCalendar> {
        let Calendar { gateway, timeline, .. } = self.calendars.get(name)?;
        let mut facts = Vec::new();
        if let Some(Current { kind, since, until, beneath }) = self.meeting(name) {
            facts.push(LiveFact { level: kind.level(), since, until: Some(until) });
            facts.extend(beneath.map(|since| LiveFact { level: FactKind::Meeting.level(), since, until: None }));
        }
        let next_change = timeline.next_change(self.now);
        // Nothing is known before the first answer.
        let valid_until = Some(timeline.valid_until()).filter(|until| *until > Timestamp::ZERO);
        Some(LiveCalendar { gateway: *gateway, facts, next_change, valid_until })
    }

    /// Whether a gateway speaks for the user (requirement C7).
    pub(crate) fn served_by_calendar(&self, home: HomeIx) -> bool {
        self.homes.get(home).is_some_and(|h| self.calendars.contains_key(&h.name))
    }

    /// The language of texts made for this user.
    pub(crate) fn language_of(&self, home: HomeIx) -> String {
        let own = self.data(home).and_then(|d| d.user.language.clone());
        own.unwrap_or_else(|| self.settings.language.clone())
    }

    /// A presence payload without a client's own claim to be in a meeting, for users a gateway speaks for.
    pub(super) fn without_claims(&self, home: HomeIx, body: &Bytes) -> Bytes {
        if !self.served_by_calendar(home) {
            return body.clone();
        }
        compose::strip_claims(body, &self.settings.calendar).unwrap_or_else(|| body.clone())
    }

    /// What others see of a resource.
    pub(super) fn composed(&self, home: HomeIx, own: &OwnPresence) -> Bytes {
        let Some(current) = self.homes.get(home).and_then(|h| self.meeting(&h.name)) else { return own.body() };
        let language = self.language_of(home);
        let Composed { body, .. } = compose::compose(own, Some(&current), &self.settings.calendar, &language);
        body
    }

    /// Presence of a user without a resource, where the setting wants the meeting shown all the same.
    pub(crate) fn offline_meeting(&self, name: &str) -> Option<Bytes> {
        if !self.settings.calendar.show_offline {
            return None;
        }
        let current = self.meeting(name)?;
        let language = self.home_ready(name).map_or_else(|| self.settings.language.clone(), |home| self.language_of(home));
        compose::compose_offline(Some(&current), &self.settings.calendar, &language)
    }

    /// Composes each resource of a home anew and tells the watchers what changed.
    pub(crate) fn recompose(&mut self, home: HomeIx) {
        for id in self.available_sessions(home) {
            self.recompose_session(id, home);
        }
        for id in self.sessions_of(home) {
            self.recompose_directed(id, home);
        }
    }

    fn recompose_session(&mut self, id: SessionId, home: HomeIx) {
        let Some(own) = self.session(id).and_then(|s| s.available.as_ref()).map(|a| a.own.clone()) else { return };
        let own = self.own_without_claims(home, own);
        let composed = self.composed(home, &own);
        let Some(available) = self.session_mut(id).and_then(|s| s.available.as_mut()) else { return };
        available.own = own;
        if available.composed != composed {
            available.composed = composed;
            self.broadcast_session(id);
        }
    }

    /// A claim from before a gateway spoke for the user goes too, and is no choice that outlasts a meeting.
    fn own_without_claims(&self, home: HomeIx, own: OwnPresence) -> OwnPresence {
        let body = self.without_claims(home, &own.body());
        if body == own.body() {
            return own;
        }
        OwnPresence::parse(body, None, self.now).unwrap_or(own)
    }

    /// After a change of settings.
    pub(crate) fn recompose_all(&mut self) {
        let homes: Vec<HomeIx> = self.homes.iter().map(|(ix, _)| ix).collect();
        for home in homes {
            self.recompose(home);
            self.activity_moved(home);
        }
    }
}

//! The presence viewer: what one user sees of another now, and why.

use super::live::plane;
use super::presence::{self, SaidView, UserPresence};
use super::{App, users};
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::sync::mpsc;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};
use zaiseki_model::User;
use zaiseki_model::live::{Access, LiveUser, RosterSide, Sight};

/// For the two users to be read from the database.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SightQuery {
    /// Who looks: user id or localpart.
    pub viewer: String,
    /// At whom.
    pub of: String,
}

/// What a contact list says of the other user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SideView {
    /// `none`, `to`, `from`, `both`.
    pub subscription: String,
    /// A request of the list's owner waits for an answer.
    pub ask: bool,
    /// A request of the other waits for the owner's answer.
    pub asked: bool,
    pub approved: bool,
}

/// A presence that the viewer sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeenView {
    /// `None`: of the user without any resource.
    pub resource: Option<String>,
    /// Sent to the viewer alone (RFC 6121 §4.6).
    pub directed: bool,
    pub presence: SaidView,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SightView {
    /// Bare JIDs.
    pub viewer: String,
    pub of: String,
    /// `own`, `granted`, `blocked-by-viewer`, `blocked-by-other`, `not-subscribed`, `viewer-inactive`, `other-inactive`.
    pub access: String,
    pub reason: Text,
    /// What the viewer sees; empty: the other is offline to the viewer.
    pub seen: Vec<SeenView>,
    /// The viewer has an available resource: only then is presence sent to it.
    pub viewer_online: bool,
    /// The viewer's contact list about the other, and the other's about the viewer; `None`: not in it.
    pub viewers_side: Option<SideView>,
    pub others_side: Option<SideView>,
    /// What all who may see it see of the other, with the table of precedence line by line.
    pub presence: UserPresence,
}

/// # Errors
/// `invalid` naming who is nobody; `unavailable` when no node runs in this process or the database does not answer.
pub fn sight(app: &App, query: &SightQuery) -> Result<SightView> {
    let (viewer, other) = (in_field(app, "viewer", &query.viewer)?, in_field(app, "of", &query.of)?);
    let plane = plane(app)?;
    if let Some(view) = inactive(app, &viewer, &other)? {
        return Ok(view);
    }
    let (answer, told) = mpsc::sync_channel(1);
    plane.sight(&viewer.name, &other.name, Box::new(move |sight| drop(answer.try_send(sight))));
    let sight = told.recv_timeout(PATIENCE).ok().flatten().ok_or_else(no_answer)?;
    view(app, &viewer, &other, sight)
}

fn in_field(app: &App, field: &'static str, name: &str) -> Result<User> {
    users::find(app, name).map_err(|error| match error {
        ControlError::NotFound { text } => ControlError::Invalid { field, text },
        other => other,
    })
}

fn no_answer() -> ControlError {
    let en = "the two users could not be read in time: try again, and look at the database if it goes on";
    let ja = "2 人の情報を時間内に読み取れませんでした。もう一度実行し、続く場合はデータベースを確認してください";
    ControlError::Unavailable { text: Text::new(en, ja) }
}

/// Who cannot sign in sees nothing and is not seen.
fn inactive(app: &App, viewer: &User, other: &User) -> Result<Option<SightView>> {
    let (word, who) = match (viewer.active(), other.active()) {
        (true, true) => return Ok(None),
        (false, _) => ("viewer-inactive", viewer),
        (true, false) => ("other-inactive", other),
    };
    let what = if who.enabled {
        Text::new("not enabled for IM and presence", "IM とプレゼンスが無効です")
    } else {
        Text::new("disabled", "無効にされています")
    };
    let reason = Text::new(format!("{} is {}", who.name, what.en), format!("{} は{}", who.name, what.ja));
    let presence = presence::view(app, LiveUser::default())?;
    let (viewers_side, others_side, viewer_online, seen) = (None, None, false, Vec::new());
    let (viewer, of, access) = (address(app, viewer), address(app, other), word.to_owned());
    Ok(Some(SightView { viewer, of, access, reason, seen, viewer_online, viewers_side, others_side, presence }))
}

fn address(app: &App, user: &User) -> String {
    format!("{}@{}", user.name, app.domain())
}

fn view(app: &App, viewer: &User, other: &User, sight: Sight) -> Result<SightView> {
    let presence = presence::view(app, sight.other)?;
    let mut seen = if sight.access.allows() { seen_by_all(&presence) } else { Vec::new() };
    if !matches!(sight.access, Access::BlockedByViewer | Access::BlockedByOther) {
        let directed = |(resource, said): &(String, _)| SeenView {
            resource: Some(resource.clone()),
            directed: true,
            presence: SaidView::new(said),
        };
        seen.extend(sight.directed.iter().map(directed));
    }
    Ok(SightView {
        viewer: address(app, viewer),
        of: address(app, other),
        access: sight.access.as_str().to_owned(),
        reason: reason(sight.access, &viewer.name, &other.name),
        seen,
        viewer_online: sight.viewer_online,
        viewers_side: sight.viewers_side.map(side),
        others_side: sight.others_side.map(side),
        presence,
    })
}

fn seen_by_all(presence: &UserPresence) -> Vec<SeenView> {
    let of = |resource: Option<String>, said: &SaidView| SeenView { resource, directed: false, presence: said.clone() };
    let absent = presence.absent.as_ref().filter(|absent| absent.seen.show != "unavailable");
    let resources = presence.resources.iter().map(|view| of(Some(view.resource.clone()), &view.seen));
    resources.chain(absent.map(|absent| of(None, &absent.seen))).collect()
}

fn side(side: RosterSide) -> SideView {
    let RosterSide { subscription, ask, asked, approved } = side;
    SideView { subscription: subscription.as_str().to_owned(), ask, asked, approved }
}

fn reason(access: Access, viewer: &str, other: &str) -> Text {
    match access {
        Access::Own => Text::new("it is the user's own presence", "自分自身の在席情報です"),
        Access::Granted => Text::new(
            format!("{other} lets {viewer} see the presence, and neither has blocked the other"),
            format!("{other} が {viewer} に在席情報を公開しており、どちらもブロックしていません"),
        ),
        Access::BlockedByViewer => {
            Text::new(format!("{viewer} has blocked {other}"), format!("{viewer} が {other} をブロックしています"))
        }
        Access::BlockedByOther => {
            Text::new(format!("{other} has blocked {viewer}"), format!("{other} が {viewer} をブロックしています"))
        }
        Access::NotSubscribed => Text::new(
            format!("{other}'s contact list does not let {viewer} see the presence (subscription from or both)"),
            format!("{other} の連絡先リストで {viewer} への公開 (購読が from または both) が許可されていません"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::live::tests::{FakePlane, session};
    use super::*;
    use crate::app::tests::Fixture;
    use std::sync::Arc;
    use zaiseki_model::Subscription;
    use zaiseki_model::live::{LivePresence, Said};
    use zaiseki_model::settings::Show;

    fn of(viewer: &str, of: &str) -> SightQuery {
        SightQuery { viewer: viewer.to_owned(), of: of.to_owned() }
    }

    fn sees(access: Access) -> Sight {
        let said = Said { show: Some(Show::Dnd), statuses: vec![(Some("ja".to_owned()), "会議中".to_owned())] };
        let presence = LivePresence { priority: 5, own: Said::default(), seen: said, chosen_at: None, steps: Vec::new() };
        let mut other = LiveUser { sessions: vec![session("1-0")], ..LiveUser::default() };
        other.sessions[0].presence = Some(presence);
        let side = RosterSide { subscription: Subscription::To, ask: false, asked: false, approved: false };
        let directed = vec![("phone".to_owned(), Said::default())];
        Sight { access, viewers_side: Some(side), others_side: None, viewer_online: true, other, directed }
    }

    #[test]
    fn who_may_see_sees_what_was_composed_and_who_is_blocked_nothing() {
        let fixture = Fixture::new();
        let app = &fixture.app;
        fixture.user("anna");
        fixture.user("ben");
        let plane = Arc::new(FakePlane::default());
        app.attach_data_plane(plane.clone());
        let seen = |access| {
            *plane.sight.lock().unwrap() = Some(sees(access));
            let view = sight(app, &of("anna", "ben")).unwrap();
            assert_eq!((view.viewer.as_str(), view.access.as_str()), ("anna@example.com", access.as_str()));
            view.seen.into_iter().map(|seen| (seen.resource.unwrap_or_default(), seen.presence.show)).collect::<Vec<_>>()
        };
        let (desk, phone) = (("desk".to_owned(), "dnd".to_owned()), ("phone".to_owned(), "available".to_owned()));
        assert_eq!(seen(Access::Granted), [desk, phone.clone()]);
        assert_eq!(seen(Access::NotSubscribed), [phone], "what was sent to the viewer alone");
        assert_eq!(seen(Access::BlockedByOther), []);
        assert_eq!(sight(app, &of("anna", "nobody")).unwrap_err().field(), Some("of"));
        assert_eq!(sight(app, &of("", "ben")).unwrap_err().field(), Some("viewer"));
        users::set_enabled(app, "tester", "ben", false).unwrap();
        let view = sight(app, &of("anna", "ben")).unwrap();
        assert_eq!((view.access.as_str(), view.seen.len()), ("other-inactive", 0));
    }
}

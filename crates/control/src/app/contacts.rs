//! A user's contact list, as the store has it.

use super::{App, users};
use crate::error::{ControlError, Result};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use zaiseki_model::RosterItem;
use zaiseki_model::limits::PAGE_CONTACTS;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ContactQuery {
    /// `next` of the page before.
    pub after: Option<String>,
    /// 1 to 500.
    pub limit: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContactView {
    /// The bare JID.
    pub address: String,
    /// The name that the user gave; may be empty.
    pub name: String,
    pub groups: Vec<String>,
    /// `none`, `to` (the user sees the contact), `from` (the contact sees the user), `both`.
    pub subscription: String,
    /// The user's request waits for the contact's answer.
    pub ask: bool,
    /// The contact's request waits for the user's answer.
    pub asked: bool,
    /// The user has agreed beforehand to be seen (RFC 6121 §3.4).
    pub approved: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContactPage {
    /// By address.
    pub contacts: Vec<ContactView>,
    /// How many there are in all.
    pub total: u64,
    /// Ask again with this as `after`; `None` on the last page.
    pub next: Option<String>,
}

impl From<RosterItem> for ContactView {
    fn from(item: RosterItem) -> Self {
        ContactView {
            address: item.jid.to_string(),
            name: item.name,
            groups: item.groups,
            subscription: item.subscription.as_str().to_owned(),
            ask: item.ask,
            asked: item.pending_in.is_some(),
            approved: item.approved,
        }
    }
}

/// One page of the contact list, by address. Requests that wait for the user's answer stand in it too.
///
/// # Errors
/// `not-found`; `invalid` for a limit out of range.
pub fn list(app: &App, name: &str, query: &ContactQuery) -> Result<ContactPage> {
    let limit = query.limit.unwrap_or(PAGE_CONTACTS);
    if !(1..=PAGE_CONTACTS).contains(&limit) {
        let (en, ja) = (format!("must be 1 to {PAGE_CONTACTS}"), format!("1 から {PAGE_CONTACTS} までの値を指定してください"));
        return Err(ControlError::invalid("limit", en, ja));
    }
    let user = users::find(app, name)?.id;
    let after = query.after.clone().unwrap_or_default();
    // One more tells whether there is another page.
    let (mut items, total) =
        app.store().query(move |db| Ok((db.contacts(user, &after, limit + 1)?, db.count_contacts(user)?)))?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|item| item.jid.to_string());
    Ok(ContactPage { contacts: items.into_iter().map(ContactView::from).collect(), total, next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::Fixture;
    use zaiseki_store::Write;

    #[test]
    fn a_contact_list_comes_page_by_page() {
        let fixture = Fixture::new();
        let anna = fixture.user("anna").id.parse().unwrap();
        let put = |name: &str| {
            let mut item = RosterItem::new(format!("{name}@example.com").parse().unwrap());
            item.groups = vec!["同僚".to_owned()];
            Write::RosterPut { user: anna, item }
        };
        let writes: Vec<Write> = ["c", "a", "b"].into_iter().map(put).collect();
        fixture.app.store().call(move |db| db.commit(&writes)).unwrap();
        let page = |after: Option<&str>, limit| {
            let query = ContactQuery { after: after.map(str::to_owned), limit: Some(limit) };
            list(&fixture.app, "anna", &query).map(|page| {
                let names: Vec<String> = page.contacts.iter().map(|contact| contact.address[..1].to_owned()).collect();
                (names.concat(), page.total, page.next)
            })
        };
        assert_eq!(page(None, 2).unwrap(), ("ab".to_owned(), 3, Some("b@example.com".to_owned())));
        assert_eq!(page(Some("b@example.com"), 2).unwrap(), ("c".to_owned(), 3, None));
        assert_eq!(page(None, PAGE_CONTACTS).unwrap().0, "abc");
        assert_eq!(page(None, PAGE_CONTACTS + 1).unwrap_err().field(), Some("limit"));
        assert_eq!(page(None, 0).unwrap_err().field(), Some("limit"));
        assert_eq!(list(&fixture.app, "nobody", &ContactQuery::default()).unwrap_err().code(), "not-found");
    }
}

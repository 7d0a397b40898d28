//! The pages, one file each.

mod dashboard;
mod gateway_form;
mod gateways;
mod users;

use super::routes::Pages;

/// Every page there is.
pub fn all() -> Pages {
    Pages::default().merge(dashboard::pages()).merge(users::pages()).merge(gateways::pages())
}

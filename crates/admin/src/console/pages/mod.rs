//! The pages, one file each.

mod dashboard;

use super::routes::Pages;

/// Every page there is.
pub fn all() -> Pages {
    Pages::default().merge(dashboard::pages())
}

//! The pages, one file each.

mod account;
mod acme;
mod addresses;
mod administrators;
mod alarm_targets;
pub(super) mod alarms;
mod api;
mod audit;
mod certificates;
mod dashboard;
mod diagnostics;
mod directories;
mod directory_form;
mod directory_lists;
mod duplicates;
mod gateway_form;
mod gateways;
mod jobs;
pub(super) mod notifications;
mod presence_viewer;
mod provider;
mod services;
mod settings;
mod tokens;
mod topology;
mod troubleshooter;
mod trust;
mod user_live;
mod user_profile;
mod users;
mod users_im;
mod users_import;

use super::routes::Pages;

/// Every page there is.
pub fn all() -> Pages {
    let all = [
        dashboard::pages(),
        audit::pages(),
        settings::pages(),
        account::pages(),
        administrators::pages(),
        provider::pages(),
        tokens::pages(),
        gateways::pages(),
        users::pages(),
        users_import::pages(),
        users_im::pages(),
        duplicates::pages(),
        addresses::pages(),
        directories::pages(),
        user_live::pages(),
        user_profile::pages(),
        troubleshooter::pages(),
        presence_viewer::pages(),
        jobs::pages(),
        api::pages(),
        services::pages(),
        topology::pages(),
        notifications::pages(),
        alarms::pages(),
        diagnostics::pages(),
        alarm_targets::pages(),
        certificates::pages(),
        acme::pages(),
        trust::pages(),
    ];
    all.into_iter().fold(Pages::default(), Pages::merge)
}

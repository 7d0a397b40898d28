//! What a seed decides before the run: who there is, how the server is set up, how much goes wrong.

use crate::client::Client;
use crate::dice::Dice;
use std::time::Duration;
use zaiseki_model::{User, UserId};
use zaiseki_store::NewUser;

pub struct Plan {
    /// 2 to 6.
    pub users: usize,
    pub archive: bool,
    pub auto_authorize: bool,
    pub resume_time: Duration,
    /// How long the trouble lasts.
    pub work: Duration,
    pub crashes: usize,
    /// By client: the number of its user's client, and whether it stays offline in the end.
    resources: Vec<(usize, bool)>,
    /// By client.
    users_of: Vec<usize>,
}

/// The identity of user `index`.
pub fn user_id(index: usize) -> UserId {
    UserId([index as u8 + 1; 16])
}

impl Plan {
    pub fn throw(dice: &mut Dice) -> Plan {
        let users = 2 + dice.below(5);
        let (mut resources, mut users_of) = (Vec::new(), Vec::new());
        for user in 0..users {
            for number in 0..1 + dice.below(3) {
                resources.push((number, number > 0 && dice.chance(25)));
                users_of.push(user);
            }
        }
        Plan {
            users,
            archive: dice.chance(75),
            auto_authorize: dice.chance(60),
            resume_time: dice.millis(1_000, 15_000),
            work: dice.millis(4_000, 16_000),
            crashes: dice.below(4),
            resources,
            users_of,
        }
    }

    pub fn accounts(&self) -> Vec<NewUser> {
        (0..self.users).map(account).collect()
    }

    /// Every user's first client takes messages; the others may not.
    pub fn clients(&self, dice: &mut Dice) -> Vec<Client> {
        let each = self.resources.iter().zip(&self.users_of).enumerate();
        each.map(|(index, ((number, _), user))| {
            let priority = match (number, dice.below(6)) {
                (0, _) => 1,
                (_, 0) => -1,
                (_, 1) => 0,
                (_, 2) => 5,
                _ => 1,
            };
            let grants = dice.chance(80);
            Client::new(index, *user, format!("r{number}"), priority, grants)
        })
        .collect()
    }

    pub fn stays_away(&self, client: usize) -> bool {
        self.resources[client].1
    }

    /// The first client of a user.
    pub fn first_client(&self, user: usize) -> usize {
        self.users_of.iter().position(|of| *of == user).unwrap_or_default()
    }
}

fn account(index: usize) -> NewUser {
    let user = User {
        id: user_id(index),
        name: format!("u{index}"),
        display_name: String::new(),
        mail: String::new(),
        telephone: String::new(),
        language: None,
        enabled: true,
        calendar: true,
        im: true,
        user_id: None,
    };
    NewUser { user, sha256: None, sha1: None, profile: None }
}

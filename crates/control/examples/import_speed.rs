//! How many users an import makes per second, with passwords and with SCRAM keys. Run with `--release`; the number of rows
//! may be given.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::error::Error;
use std::fmt::Write as _;
use std::time::Instant;
use zaiseki_control::App;
use zaiseki_control::app::import::{IMPORT_ITERATIONS, import};
use zaiseki_store::{Options, Store};
use zaiseki_stream::sasl::derive;

fn main() -> Result<(), Box<dyn Error>> {
    let rows: usize = std::env::args().nth(1).map_or(Ok(5_000), |text| text.parse())?;
    let mut passwords = String::from("userid,password,display name,mail,telephone\n");
    let (sha256, sha1) = derive::new_keys("pencil", [7; 16], IMPORT_ITERATIONS)?;
    let mut keys = String::from("userid,salt,iterations,sha256_stored_key,sha256_server_key,sha1_stored_key,sha1_server_key\n");
    let encoded = [&sha256.stored_key, &sha256.server_key, &sha1.stored_key, &sha1.server_key].map(|key| BASE64.encode(key));
    for n in 0..rows {
        writeln!(passwords, "user{n},secret{n},User {n},user{n}@example.com,+81 3 {n}")?;
        writeln!(keys, "user{n},{},{IMPORT_ITERATIONS},{}", BASE64.encode(&sha256.salt), encoded.join(","))?;
    }
    for (name, csv) in [("with passwords", passwords), ("with SCRAM keys", keys)] {
        let dir = tempfile::tempdir()?;
        let store = Store::open(dir.path(), "example.com", Options::default(), Box::new(|_| {}))?;
        let app = App::open(store, "example.com", dir.path(), |_| {})?;
        let began = Instant::now();
        let report = import(&app, "speed", csv.as_bytes())?;
        let secs = began.elapsed().as_secs_f64();
        println!("{name}: {} users in {secs:.2} s, {:.0} users/s", report.created, report.created as f64 / secs);
    }
    Ok(())
}

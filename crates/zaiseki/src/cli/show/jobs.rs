//! Jobs and their logs on the terminal.

use super::{Column, cell, column, fields, in_language, labels, rows};
use crate::i18n::Lang;
use serde_json::{Value, json};

const JOBS: [Column; 6] = [
    column("id", "ID", "ID"),
    Column { key: "title", en: "JOB", ja: "ジョブ", cell: in_language },
    Column { key: "state", en: "STATE", ja: "状態", cell: state },
    column("progress", "DONE", "進み"),
    column("actor", "ASKED BY", "依頼者"),
    column("due", "DUE", "開始予定"),
];
pub(super) const LOG: [Column; 2] =
    [column("at", "TIME", "時刻"), Column { key: "text", en: "TEXT", ja: "内容", cell: in_language }];

pub(super) fn list(jobs: &[Value], lang: Lang) -> String {
    let with_progress = |job: &Value| {
        let mut job = job.clone();
        job["progress"] = json!(progress(&job, lang));
        job
    };
    let jobs: Vec<Value> = jobs.iter().map(with_progress).collect();
    rows(&jobs, &JOBS, lang)
}

fn state(state: &Value, lang: Lang) -> String {
    labels::worded("state of a job", state, lang)
}

/// `3/20`, or `3` when nobody knows of how many.
fn progress(job: &Value, lang: Lang) -> String {
    let done = cell(&job["done"], lang);
    if job["total"].is_null() { done } else { format!("{done}/{}", cell(&job["total"], lang)) }
}

/// Label and value, line by line, the title in the reader's language.
pub(super) fn one(job: &Value, lang: Lang) -> String {
    let mut job = job.clone();
    job["title"] = json!(in_language(&job["title"], lang));
    fields(&job, lang)
}

#[cfg(test)]
mod tests {
    use super::super::{View, table};
    use super::*;

    #[test]
    fn jobs_in_rows_and_alone() {
        let job = json!({"id": "1", "title": {"en": "Switch", "ja": "切り替え"}, "state": "running", "done": 3, "total": 20,
            "actor": "admin:a", "due": "2027", "log_dropped": 0});
        let endless = json!({"id": "2", "title": {"en": "X", "ja": "Y"}, "state": "queued", "done": 0, "total": null,
            "actor": "b", "due": "2028"});
        let page = json!({"jobs": [job, endless], "next": null});
        let expected = "ID  JOB     STATE    DONE  ASKED BY  DUE\n1   Switch  running  3/20  admin:a   2027\n\
                        2   X       queued   0     b         2028\n";
        assert_eq!(table(&page, View::Jobs, Lang::En), expected);
        let list = table(&page, View::Jobs, Lang::Ja);
        assert!(list.contains("切り替え") && list.contains("待機中") && !list.contains("queued"), "{list}");
        let one = table(&job, View::Job, Lang::Ja);
        assert!(one.contains("切り替え\n") && one.contains("実行中\n") && !one.contains("title"), "{one}");
        let log = json!({"lines": [{"at": "12:00", "text": {"en": "begun", "ja": "開始"}}], "next": null});
        assert_eq!(table(&log, View::JobLog, Lang::En), "TIME   TEXT\n12:00  begun\n");
    }
}

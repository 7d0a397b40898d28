//! How people are found: the one form in which names, readings, addresses and numbers are compared.
//!
//! Nobody should have to know how a name was typed into the directory. Widths, cases, accents, katakana and hiragana, small
//! kana, long vowels, blanks and hyphens make no difference, nor do the variants of characters that are common in names.

use crate::limits::{SEARCH_CHARS, SEARCH_WORDS};
use unicode_normalization::UnicodeNormalization;

/// Grows when [`fold`] does something else, so that what is stored is made anew.
pub const RULES: u8 = 1;

/// Variants of kanji in names → the usual form.
const VARIANTS: &[(char, &str)] = &[
    ('高', "髙"),
    ('崎', "﨑嵜"),
    ('辺', "邊邉"),
    ('斉', "斎齋齊"),
    ('沢', "澤"),
    ('広', "廣"),
    ('国', "國"),
    ('島', "嶋嶌"),
    ('浜', "濱濵"),
    ('徳', "德"),
    ('恵', "惠"),
    ('栄', "榮"),
    ('竜', "龍"),
    ('滝', "瀧"),
    ('真', "眞"),
    ('曽', "曾"),
    ('桜', "櫻"),
    ('横', "橫"),
    ('黒', "黑"),
    ('桧', "檜"),
    ('亀', "龜"),
    ('関', "關"),
    ('宝', "寶"),
    ('寿', "壽"),
    ('万', "萬"),
    ('吉', "𠮷"),
    ('峰', "峯"),
    ('槙', "槇"),
];

/// The form of a text in which it is compared.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.chars().filter(|c| !is_passed_over(*c)).map(|c| c.to_ascii_lowercase()).collect();
    }
    // Decomposed first, so that accents can go; what belongs to kana is put together again.
    let plain = text.nfkd().flat_map(char::to_lowercase).filter(|c| !matches!(c, '\u{300}'..='\u{36F}'));
    let mut folded = String::with_capacity(text.len());
    for c in plain.nfc().filter(|c| !is_passed_over(*c)) {
        match c {
            'ß' => folded.push_str("ss"),
            c => folded.push(usual(c)),
        }
    }
    folded
}

/// Blanks, hyphens and whatever else people write or leave out.
fn is_passed_over(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '-' | '+' | '*' | '(' | ')' | '\'' | '\u{2018}' | '\u{2019}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '・' | 'ー'
        )
}

fn usual(c: char) -> char {
    let kana = match c {
        'ァ'..='ヶ' => char::from_u32(u32::from(c) - 0x60).unwrap_or(c),
        c => c,
    };
    match kana {
        'ぁ' => 'あ',
        'ぃ' => 'い',
        'ぅ' => 'う',
        'ぇ' | 'ゑ' => 'え',
        'ぉ' => 'お',
        'ゐ' => 'い',
        'っ' => 'つ',
        'ゃ' => 'や',
        'ゅ' => 'ゆ',
        'ょ' => 'よ',
        'ゎ' => 'わ',
        'ゕ' => 'か',
        'ゖ' => 'け',
        'ぢ' => 'じ',
        'づ' => 'ず',
        'ς' => 'σ',
        '\u{3400}'.. => VARIANTS.iter().find(|(_, others)| others.contains(kana)).map_or(kana, |(usual, _)| *usual),
        other => other,
    }
}

/// The words of what somebody typed, folded. All of them have to be found; there is none when nothing was said.
pub fn words(typed: &str) -> Vec<String> {
    let start: String = typed.chars().take(SEARCH_CHARS).collect();
    let words = start.split_whitespace().map(|word| without_trunk_zero(fold(word))).filter(|word| !word.is_empty());
    words.take(SEARCH_WORDS).collect()
}

/// Numbers are kept as E.164 has them, which lacks the zero that is dialled inside a country.
fn without_trunk_zero(word: String) -> String {
    let number = word.len() >= 5 && word.bytes().all(|b| b.is_ascii_digit());
    match word.strip_prefix('0').filter(|_| number) {
        Some(rest) => rest.to_owned(),
        None => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_differently_is_the_same() {
        let same = [
            ("ヤマダ タロウ", "ﾔﾏﾀﾞ　ﾀﾛｳ"),
            ("やまだたろう", "ヤマダ・タロウ"),
            ("ショウジ", "シヨウジ"),
            ("サーバー", "ｻｰﾊﾞ"),
            ("髙﨑", "高崎"),
            ("渡邊", "渡辺"),
            ("さいとう　齋藤", "さいとう 斉藤"),
            ("ＴＡＲＯ．Ｙａｍａｄａ", "taro.yamada"),
            ("Müller", "MULLER"),
            ("Straße", "STRASSE"),
            ("O’Brien", "obrien"),
            ("+81 3-1234-5678", "81312345678"),
            ("みかづき", "ミカズキ"),
            ("𠮷野", "吉野"),
        ];
        for (one, other) in same {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        for (one, other) in [("はは", "ばば"), ("ハト", "パト"), ("taro", "tarou"), ("山田", "山口")] {
            assert_ne!(fold(one), fold(other), "{one} {other}");
        }
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for text in ["ﾔﾏﾀﾞ", "İstanbul", "㍿ 商事", "が゙", "ヷ", "a\u{301}\u{301}", "ﬀ", "℡"] {
            let once = fold(text);
            assert_eq!(fold(&once), once, "{text}");
        }
    }

    #[test]
    fn so_many_words_and_characters_count() {
        let typed = |words: usize| (0..words).map(|i| format!("w{i}")).collect::<Vec<_>>().join(" ");
        assert_eq!(words(&typed(SEARCH_WORDS)).len(), SEARCH_WORDS);
        assert_eq!(words(&typed(SEARCH_WORDS + 1)).len(), SEARCH_WORDS);
        assert_eq!(words(&"あ".repeat(SEARCH_CHARS))[0].chars().count(), SEARCH_CHARS);
        assert_eq!(words(&"あ".repeat(SEARCH_CHARS + 1))[0].chars().count(), SEARCH_CHARS);
        assert_eq!(words(" 山田　タロウ "), ["山田", "たろう"]);
        assert_eq!(words("03-1234-5678"), ["312345678"]);
        assert_eq!((words("0120"), words("- ー"), words("")), (vec!["0120".to_owned()], Vec::new(), Vec::new()));
    }
}

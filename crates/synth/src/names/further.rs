//! Further languages of the people of the demonstration: right to left, with tones, and with very long names.

use super::{CULTURES, Culture};
use crate::random::Random;

static MORE: [Culture; 3] = [
    Culture {
        language: "vi",
        language_name: "Vietnamese",
        family: latin!["Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Võ", "Đặng", "Bùi"],
        family_female: &[],
        male: latin!["Văn Dũng", "Quốc Bảo", "Đức Thịnh", "Minh Trí", "Hữu Phước"],
        female: latin!["Thị Minh Khai", "Thị Hồng Nhung", "Ngọc Ánh", "Thuỳ Linh", "Thị Mỹ Duyên"],
        family_first: true,
        representation: "ABC",
    },
    Culture {
        language: "he",
        language_name: "Hebrew",
        family: &[
            ("כהן", "Cohen"),
            ("לוי", "Levi"),
            ("מזרחי", "Mizrahi"),
            ("פרידמן", "Friedman"),
            ("בן־דוד", "Ben-David"),
            ("שפירא", "Shapira"),
        ],
        family_female: &[],
        male: &[("דוד", "David"), ("יוסף", "Yosef"), ("משה", "Moshe"), ("אבנר", "Avner"), ("נועם", "Noam")],
        female: &[
            ("רחל", "Rachel"),
            ("תמר", "Tamar"),
            ("מרים", "Miriam"),
            ("נועה", "Noa"),
            ("שירה", "Shira"),
        ],
        family_first: false,
        representation: "ABC",
    },
    // Readings and strokes far apart, so that sorting by either can be told from sorting by code point.
    Culture {
        language: "zh",
        language_name: "Chinese",
        family: &[
            ("丁", "Ding"),
            ("马", "Ma"),
            ("安", "An"),
            ("曾", "Zeng"),
            ("单", "Shan"),
            ("仇", "Qiu"),
            ("龚", "Gong"),
            ("魏", "Wei"),
            ("司马", "Sima"),
            ("吕", "Lü"),
        ],
        family_female: &[],
        male: &[
            ("一", "Yi"),
            ("长江", "Changjiang"),
            ("重阳", "Chongyang"),
            ("国强", "Guoqiang"),
            ("鑫", "Xin"),
        ],
        female: &[
            ("月", "Yue"),
            ("晓燕", "Xiaoyan"),
            ("慧", "Hui"),
            ("婷婷", "Tingting"),
            ("兰芳", "Lanfang"),
        ],
        family_first: true,
        representation: "IDE",
    },
];

/// Names longer than any column, and than the 64 characters of a PN component group.
static LONG: [Culture; 2] = [
    Culture {
        language: "de",
        language_name: "German",
        family: latin![
            "Freiherr von Wolkenburg-Hohenstein und zu Obersteinach-Niederrothenfels",
            "Graf Leutheusser-Schnarrenberger-Wittgenstein von und zu Altenstadt",
        ],
        family_female: latin![
            "Freifrau von Wolkenburg-Hohenstein und zu Obersteinach-Niederrothenfels",
            "Gräfin Leutheusser-Schnarrenberger-Wittgenstein von und zu Altenstadt",
        ],
        male: latin![
            "Maximilian Friedrich Wilhelm Theodor August",
            "Karl-Ferdinand Johannes Nepomuk Emanuel"
        ],
        female: latin![
            "Maximiliane Friederike Wilhelmine Theodora",
            "Anna-Katharina Elisabeth Philippine Sophie"
        ],
        family_first: false,
        representation: "ABC",
    },
    Culture {
        language: "ar",
        language_name: "Arabic",
        family: &[
            ("بن عبد الرحمن بن محمد الهاشمي القرشي", "bin Abdulrahman bin Muhammad Al-Hashimi Al-Qurashi"),
            ("آل عبد العزيز التميمي", "Al Abdulaziz Al-Tamimi"),
        ],
        family_female: &[
            ("بنت عبد الرحمن بن محمد الهاشمي القرشي", "bint Abdulrahman bin Muhammad Al-Hashimi Al-Qurashi"),
            ("آل عبد العزيز التميمي", "Al Abdulaziz Al-Tamimi"),
        ],
        male: &[("عبد الله محمد علي", "Abdullah Muhammad Ali"), ("صلاح الدين", "Salahuddin")],
        female: &[("فاطمة الزهراء", "Fatima Al-Zahra"), ("نور الهدى", "Nour Al-Huda")],
        family_first: false,
        representation: "ABC",
    },
];

/// Draws a culture: mostly the language of the town, else any. `further` adds those of the demonstration.
pub(crate) fn culture(random: &mut Random, home: usize, further: bool) -> &'static Culture {
    if random.chance(0.4) {
        return &CULTURES[home.min(CULTURES.len() - 1)];
    }
    if !further {
        return random.pick(&CULTURES);
    }
    // Each language has six tickets, and each list of long names one.
    let common = CULTURES.len() + MORE.len();
    let ticket = random.int(0, (common * 6 + LONG.len() - 1) as i64) as usize;
    let index = if ticket < common * 6 { ticket / 6 } else { ticket - common * 5 };
    CULTURES.iter().chain(&MORE).chain(&LONG).nth(index).unwrap_or(&CULTURES[0])
}

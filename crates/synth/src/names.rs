//! Names and places to draw from. Names are common ones of each language; each native form stands beside the Latin form
//! that a scanner's console would show.

/// A writing of a name and its Latin form; equal where the name is Latin.
pub(crate) type Pair = (&'static str, &'static str);

/// How people of one language are named.
#[derive(Debug)]
pub(crate) struct Culture {
    /// BCP 47
    pub(crate) language: &'static str,
    /// Our own display text for the language.
    pub(crate) language_name: &'static str,
    pub(crate) family: &'static [Pair],
    /// Family names that differ for women, by the same index; empty where they do not.
    pub(crate) family_female: &'static [Pair],
    pub(crate) male: &'static [Pair],
    pub(crate) female: &'static [Pair],
    /// The family name is written first; in a native script without a space.
    pub(crate) family_first: bool,
    /// ISO 21090: ABC alphabetic, IDE ideographic.
    pub(crate) representation: &'static str,
}

macro_rules! latin {
    ($($name:literal),* $(,)?) => { &[$(($name, $name)),*] };
}

mod further;

pub(crate) use further::culture;

/// The languages of the load streams, of staff, and of person 0.
pub(crate) static CULTURES: [Culture; 10] = [
    Culture {
        language: "en",
        language_name: "English",
        family: latin![
            "Ashworth",
            "Barlow",
            "Carter",
            "Dunne",
            "Ellison",
            "Fairchild",
            "Grant",
            "Hughes",
            "Irving",
            "Kendrick",
            "Lowe",
            "O'Brien",
            "Penrose",
            "Quinn",
            "Reid",
            "Smith-Jones",
            "Thackeray",
            "Whitlock"
        ],
        family_female: &[],
        male: latin![
            "Adam", "Arthur", "Callum", "Daniel", "Edward", "George", "Harry", "James", "Owen", "Thomas",
            "William"
        ],
        female: latin![
            "Alice",
            "Beatrice",
            "Charlotte",
            "Emily",
            "Florence",
            "Grace",
            "Harriet",
            "Isla",
            "Margaret",
            "Olivia",
            "Siân"
        ],
        family_first: false,
        representation: "ABC",
    },
    Culture {
        language: "de",
        language_name: "German",
        family: latin![
            "Bäcker",
            "Brückner",
            "Schäfer",
            "Groß",
            "Hölderlin",
            "Jäger",
            "König",
            "Lindner",
            "Müller",
            "Neumann",
            "Öhler",
            "Schröder",
            "Straßburger",
            "Vogt",
            "Weiß",
            "von der Heide"
        ],
        family_female: &[],
        male: latin![
            "Anton",
            "Björn",
            "Felix",
            "Günther",
            "Hans-Jürgen",
            "Jakob",
            "Jörg",
            "Lukas",
            "Matthias",
            "Rüdiger",
            "Sören"
        ],
        female: latin![
            "Anneliese",
            "Bärbel",
            "Clara",
            "Gisela",
            "Hannah",
            "Ilse",
            "Jana",
            "Käthe",
            "Lena",
            "Sigrid",
            "Ursula"
        ],
        family_first: false,
        representation: "ABC",
    },
    Culture {
        language: "fr",
        language_name: "French",
        family: latin![
            "Béranger",
            "Chevalier",
            "D'Arcy",
            "Dupré",
            "Fournier",
            "Gérard",
            "Lefèvre",
            "Maçon",
            "Noël",
            "Saint-Étienne"
        ],
        family_female: &[],
        male: latin!["André", "Benoît", "Étienne", "François", "Jérôme", "Loïc", "René"],
        female: latin!["Agnès", "Chloé", "Élodie", "Françoise", "Inès", "Maëlle", "Zoé"],
        family_first: false,
        representation: "ABC",
    },
    Culture {
        language: "pl",
        language_name: "Polish",
        family: latin![
            "Dąbrowski",
            "Głowacki",
            "Jabłoński",
            "Kozłowski",
            "Łukaszewski",
            "Wiśniewski",
            "Źródłowski"
        ],
        family_female: latin![
            "Dąbrowska",
            "Głowacka",
            "Jabłońska",
            "Kozłowska",
            "Łukaszewska",
            "Wiśniewska",
            "Źródłowska"
        ],
        male: latin!["Bartłomiej", "Grzegorz", "Michał", "Paweł", "Stanisław"],
        female: latin!["Agnieszka", "Bożena", "Elżbieta", "Małgorzata", "Zofia"],
        family_first: false,
        representation: "ABC",
    },
    Culture {
        language: "zh",
        language_name: "Chinese",
        family: &[
            ("王", "Wang"),
            ("李", "Li"),
            ("张", "Zhang"),
            ("刘", "Liu"),
            ("陈", "Chen"),
            ("杨", "Yang"),
            ("赵", "Zhao"),
            ("欧阳", "Ouyang"),
            ("周", "Zhou"),
            ("𠮷", "Ji"),
        ],
        family_female: &[],
        male: &[
            ("小明", "Xiaoming"),
            ("伟", "Wei"),
            ("建国", "Jianguo"),
            ("志强", "Zhiqiang"),
            ("浩然", "Haoran"),
            ("文博", "Wenbo"),
        ],
        female: &[
            ("秀英", "Xiuying"),
            ("丽华", "Lihua"),
            ("静", "Jing"),
            ("雨桐", "Yutong"),
            ("梦琪", "Mengqi"),
            ("淑珍", "Shuzhen"),
        ],
        family_first: true,
        representation: "IDE",
    },
    Culture {
        language: "ar",
        language_name: "Arabic",
        family: &[
            ("حداد", "Haddad"),
            ("خوري", "Khoury"),
            ("منصور", "Mansour"),
            ("النجار", "Al-Najjar"),
            ("الشامي", "Al-Shami"),
            ("عثمان", "Othman"),
        ],
        family_female: &[],
        male: &[
            ("أحمد", "Ahmad"),
            ("محمد", "Muhammad"),
            ("يوسف", "Yusuf"),
            ("عمر", "Omar"),
            ("خالد", "Khalid"),
        ],
        female: &[
            ("فاطمة", "Fatima"),
            ("عائشة", "Aisha"),
            ("ليلى", "Layla"),
            ("مريم", "Maryam"),
            ("نور", "Nour"),
        ],
        family_first: false,
        representation: "ABC",
    },
    Culture {
        language: "ru",
        language_name: "Russian",
        family: &[
            ("Иванов", "Ivanov"),
            ("Кузнецов", "Kuznetsov"),
            ("Соколов", "Sokolov"),
            ("Лебедев", "Lebedev"),
            ("Щербаков", "Shcherbakov"),
            ("Королёв", "Korolyov"),
        ],
        family_female: &[
            ("Иванова", "Ivanova"),
            ("Кузнецова", "Kuznetsova"),
            ("Соколова", "Sokolova"),
            ("Лебедева", "Lebedeva"),
            ("Щербакова", "Shcherbakova"),
            ("Королёва", "Korolyova"),
        ],
        male: &[
            ("Алексей", "Aleksei"),
            ("Дмитрий", "Dmitri"),
            ("Сергей", "Sergei"),
            ("Николай", "Nikolai"),
            ("Фёдор", "Fyodor"),
        ],
        female: &[
            ("Анна", "Anna"),
            ("Екатерина", "Yekaterina"),
            ("Ольга", "Olga"),
            ("Татьяна", "Tatyana"),
            ("Юлия", "Yulia"),
        ],
        family_first: false,
        representation: "ABC",
    },
    Culture {
        language: "el",
        language_name: "Greek",
        family: &[
            ("Παπαδόπουλος", "Papadopoulos"),
            ("Γεωργίου", "Georgiou"),
            ("Νικολαΐδης", "Nikolaidis"),
            ("Οικονόμου", "Oikonomou"),
        ],
        family_female: &[
            ("Παπαδοπούλου", "Papadopoulou"),
            ("Γεωργίου", "Georgiou"),
            ("Νικολαΐδου", "Nikolaidou"),
            ("Οικονόμου", "Oikonomou"),
        ],
        male: &[("Γιώργος", "Giorgos"), ("Δημήτρης", "Dimitris"), ("Κώστας", "Kostas"), ("Νίκος", "Nikos")],
        female: &[
            ("Ελένη", "Eleni"),
            ("Μαρία", "Maria"),
            ("Αικατερίνη", "Aikaterini"),
            ("Χρυσούλα", "Chrysoula"),
        ],
        family_first: false,
        representation: "ABC",
    },
    Culture {
        language: "ja",
        language_name: "Japanese",
        family: &[
            ("山田", "Yamada"),
            ("佐藤", "Sato"),
            ("鈴木", "Suzuki"),
            ("髙橋", "Takahashi"),
            ("渡邊", "Watanabe"),
        ],
        family_female: &[],
        male: &[("太郎", "Tarou"), ("健一", "Kenichi"), ("翔太", "Shota"), ("修", "Osamu")],
        female: &[("花子", "Hanako"), ("美咲", "Misaki"), ("陽子", "Yoko"), ("恵", "Megumi")],
        family_first: true,
        representation: "IDE",
    },
    Culture {
        language: "es",
        language_name: "Spanish",
        family: latin!["Álvarez", "García", "Ibáñez", "Muñoz", "Núñez", "Peña", "Rodríguez"],
        family_female: &[],
        male: latin!["Andrés", "Íñigo", "José", "Martín", "Óscar"],
        female: latin!["Begoña", "Inés", "María", "Mónica", "Sofía"],
        family_first: false,
        representation: "ABC",
    },
];

/// A town around a hospital.
#[derive(Debug)]
pub(crate) struct Town {
    pub(crate) city: &'static str,
    pub(crate) postal: &'static str,
    /// ISO 3166-1 alpha-2
    pub(crate) country: &'static str,
    pub(crate) telephone: &'static str,
    pub(crate) streets: &'static [&'static str],
    /// The house number is written before the street.
    pub(crate) number_first: bool,
    pub(crate) offset_hours: i8,
    /// Index into `CULTURES` of the language most people speak.
    pub(crate) culture: usize,
}

pub(crate) static TOWNS: [Town; 3] = [
    Town {
        city: "Ashbourne-on-Wye",
        postal: "AW4 2",
        country: "GB",
        telephone: "+44 1632 96",
        streets: &[
            "Abbey Lane",
            "Chapel Street",
            "Fern Hill",
            "Mill Road",
            "Orchard Close",
            "Priory Gardens",
            "St Anne's Terrace",
        ],
        number_first: true,
        offset_hours: 0,
        culture: 0,
    },
    Town {
        city: "Lindenau am See",
        postal: "0417",
        country: "DE",
        telephone: "+49 341 555",
        streets: &["Am Mühlbach", "Bahnhofstraße", "Eichenweg", "Gänsemarkt", "Schloßallee", "Uferpromenade"],
        number_first: false,
        offset_hours: 1,
        culture: 1,
    },
    Town {
        city: "明湖市",
        postal: "2500",
        country: "CN",
        telephone: "+86 531 555",
        streets: &["人民路", "解放大街", "湖滨路", "文化东路"],
        number_first: false,
        offset_hours: 8,
        culture: 4,
    },
];

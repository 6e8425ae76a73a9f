//! FHIR resources of the sample network, and searches.

use lenticular_synth::{Date, person, resources};

pub fn json() -> Vec<Vec<u8>> {
    let today = Date::new(2026, 11, 1).expect("a day");
    let mut seeds: Vec<Vec<u8>> = resources(1, 60).map(|resource| resource.json).collect();
    for number in 0..3 {
        let transaction = person(7, number, today).transaction();
        let tree = lenticular_base::tree::parse(&transaction).expect("our own JSON");
        let entries = tree.get("entry").map_or(&[][..], lenticular_base::tree::Tree::items);
        for entry in entries.iter().take(60) {
            seeds.extend(entry.get("resource").map(|resource| resource.to_json().into_bytes()));
        }
        let few: Vec<String> = entries.iter().take(4).map(|entry| entry.to_json()).collect();
        for kind in ["transaction", "batch"] {
            let entries = few.join(",");
            seeds.push(
                format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{entries}]}}"#).into_bytes(),
            );
        }
    }
    seeds.extend(PLAIN.iter().map(|text| text.as_bytes().to_vec()));
    seeds
}

const PLAIN: [&str; 7] = [
    r##"[null,true,false,-0.10e+5,"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800",[],{},[[[1]]]]"##,
    "\u{feff} { \"a\" : 1.00 , \"b\" : [ 1e400 ] } ",
    r##"{"resourceType":"Patient","id":"a","meta":{"versionId":"1","profile":["http://a.example/b|1"]},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>A &amp; b<br/><img src=\"a.png\"/></p></div>"},"_birthDate":{"extension":[{"url":"http://a.example/x","valueDateTime":"2024-02-29T10:00:00.5+02:00"}]},"contained":[{"resourceType":"Organization","id":"o","name":"O"}],"managingOrganization":{"reference":"#o"},"name":[{"family":"Müller","given":["Jörg",null],"_given":[null,{"id":"g"}]}],"multipleBirthInteger":2}"##,
    r##"{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"effectivePeriod":{"start":"2024","end":"2024-03"},"valueQuantity":{"value":1.20,"comparator":"<","unit":"mg","system":"http://unitsofmeasure.org","code":"mg"},"component":[{"code":{"text":"x"},"valueRange":{"low":{"value":1},"high":{"value":2e3}}}],"subject":{"reference":"Patient/a/_history/2"}}"##,
    r##"{"resourceType":"RiskAssessment","status":"final","subject":{"identifier":{"system":"http://a","value":"1"}},"prediction":[{"probabilityDecimal":0.10}]}"##,
    r##"{"resourceType":"Questionnaire","status":"draft","url":"http://a.example/q","version":"2","item":[{"linkId":"1","type":"group","item":[{"linkId":"1.1","type":"string"}]}]}"##,
    r##"{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient?name=a"}},{"request":{"method":"DELETE","url":"/Patient/a"}},{"resource":{"resourceType":"Patient"},"request":{"method":"PUT","url":"Patient/a","ifMatch":"W/\"1\"","ifNoneExist":"identifier=a|b"}},{"request":{}}]}"##,
];

/// The first byte of a seed picks the type by its number; the fuzzer finds those that fit.
pub fn searches() -> Vec<Vec<u8>> {
    SEARCHES
        .iter()
        .zip((0u8..).step_by(3))
        .map(|(query, first)| [&[first][..], query.as_bytes()].concat())
        .collect()
}

const SEARCHES: [&str; 24] = [
    "name=M%C3%BCller&_count=5&_sort=-birthdate,family&_total=accurate",
    "family:exact=O'Neil&given:contains=an&birthdate=ge1950&birthdate=lt2000-06",
    "identifier=http://hospital.example/mrn|123,|x,y|&active=true",
    "code=http://loinc.org|8480-6&value-quantity=gt140|http://unitsofmeasure.org|mm[Hg]&date=sa2024-02-29T10:00:00Z",
    "subject=Patient/1,Patient/2&category:not=vital-signs&_include=Observation:subject&_revinclude=Provenance:target",
    "patient:identifier=a|b&status=final&_summary=count",
    "subject:Patient=1&_elements=id,code&_tag=http://a|b&_profile=http://x.example/y",
    "_id=a,b,c&_lastUpdated=ap2024&_lastUpdated=2024-01-01T00:00:00%2B02:00",
    "birthdate:missing=true&gender=female&deceased=false&address-city=Z%C3%BCrich",
    "url:below=http://a.example/b&version=1&probability=0.8",
    "url=http://a.example/m|2&status:not=draft,retired&title:exact=a\\,b\\$c\\|d",
    "code:text=blood&component-code=a&combo-value-quantity=le5.40e-3||mg",
    "value-date=eb2020&value-string=x&value-concept=|y&code:in=http://v",
    "name=a+b&phone=%2B41&email=a%40b.example&_page=abc&_format=json&_pretty=true",
    "subject.name=peter&_has:Observation:patient:code=1&code-value-quantity=a$b",
    "_include:iterate=Observation:subject:Patient&_include=*&_security=R",
    "PatientName=M*ll?r&fuzzymatching=true&limit=5&offset=10&includefield=all",
    "PatientID=1&StudyDate=20240101-20241231&StudyTime=101500-&ModalitiesInStudy=CT,MR",
    "StudyInstanceUID=1.2.3,4.5.6&SeriesInstanceUID=1.2.3%5C7&Modality=CT&Rows=512",
    "RequestAttributesSequence.ScheduledProcedureStepID=a&00400275.00400007=Chest*&PerformedProcedureStepStartDate=-20240101",
    "00100010=YAMADA&includefield=00281050,WindowWidth&includefield=PatientBirthDate",
    "AcquisitionDateTime=20240101101010.5%2B0200-&WindowCenter=40&NumberOfFrames=1&AccessionNumber=%22%22",
    "PatientName=%E5%B1%B1%E7%94%B0%5E%E5%A4%AA%E9%83%8E&InstanceNumber=7&SOPClassUID=1.2.840.10008.5.1.4.1.1.2",
    "&&a&=b&%41=%42&+=+",
];

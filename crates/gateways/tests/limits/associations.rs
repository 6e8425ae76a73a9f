//! DIMSE over real sockets: whoever drips, crowds or chatters neither keeps others out nor holds the server up.

use crate::house::House;
use lenticular_dicom::dimse::{
    Priority, ProposedContext, Requestor, RequestorConfig, RequestorEvent, Status, StoreRequest,
};
use lenticular_dicom::pdu::Reject;
use lenticular_dicom::uids;
use lenticular_gateways::dimse::{DimseSettings, Patience, serve_with};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, block_in_place};

const MR_IMAGE: &str = "1.2.840.10008.5.1.4.1.1.4";

/// A house that CT1 and CT2 of hospital A may call, with room for so many associations.
struct Ward {
    house: House,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Ward {
    async fn open(max_associations: usize, patience: Patience) -> Ward {
        let house = House::open().await;
        let member = house.services.member("hospital-a").await.unwrap();
        for ae in ["CT1", "CT2"] {
            house.services.add_device(&member, ae, None).await.unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let settings = DimseSettings { ae_title: "LENTICULAR".into(), max_associations };
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(serve_with(patience, listener, house.services.clone(), settings, stopped));
        Ward { house, address, stop, server }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    async fn stop(self) -> Duration {
        let begun = Instant::now();
        self.stop.send(true).unwrap();
        tokio::time::timeout(Duration::from_secs(20), self.server).await.expect("the server ends").unwrap();
        begun.elapsed()
    }
}

/// What the server says, as far as these scenes ask.
#[derive(PartialEq, Debug)]
enum Said {
    Accepted,
    Rejected(Reject),
    Status(Status),
    Over,
}

struct Device {
    stream: TcpStream,
    machine: Requestor,
}

impl Device {
    fn call(ward: &Ward, ae: &str) -> (Device, Said) {
        let context = |abstract_syntax: &str| ProposedContext {
            abstract_syntax: abstract_syntax.to_owned(),
            transfer_syntaxes: vec![uids::EXPLICIT_VR_LITTLE_ENDIAN.to_owned()],
        };
        let machine = Requestor::new(RequestorConfig {
            calling_ae: ae.to_owned(),
            called_ae: "LENTICULAR".to_owned(),
            contexts: vec![context(uids::VERIFICATION), context(MR_IMAGE)],
            ..RequestorConfig::default()
        });
        let mut device = Device { stream: ward.connect(), machine: machine.unwrap() };
        let said = device.exchange();
        (device, said)
    }

    /// Sends what is to be sent and waits for what comes of it.
    fn exchange(&mut self) -> Said {
        if self.stream.write_all(&self.machine.take_output()).is_err() {
            return Said::Over;
        }
        let mut buffer = [0; 4096];
        loop {
            let length = self.stream.read(&mut buffer).unwrap_or(0);
            if length == 0 {
                return Said::Over;
            }
            // an answer and an abort may come together: the answer is what was waited for
            return match self.machine.receive(&buffer[..length]).1 {
                None => continue,
                Some(RequestorEvent::Accepted(_)) => Said::Accepted,
                Some(RequestorEvent::Rejected(reject)) => Said::Rejected(reject),
                Some(RequestorEvent::Response { status, .. }) => Said::Status(status),
                Some(_) => Said::Over,
            };
        }
    }

    fn echo(&mut self) -> Said {
        match self.machine.echo(1) {
            Ok(_) => self.exchange(),
            Err(_) => Said::Over,
        }
    }
}

/// Whether the server closes it in time.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_drips_in_is_cut_off() {
    let ward = Ward::open(4, Patience { artim: Duration::from_millis(600), ..Patience::default() }).await;
    block_in_place(|| {
        let mut stream = ward.connect();
        let begun = Instant::now();
        // A-ASSOCIATE-RQ of 16 kB, a byte at a time
        let mut bytes = [1, 0, 0, 0, 0x40, 0].into_iter().chain(std::iter::repeat(0));
        while stream.write_all(&[bytes.next().unwrap()]).is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(10), "it is still open");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(begun.elapsed() >= Duration::from_millis(600));
    });
    ward.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_without_association_take_no_place_of_one() {
    let ward = Ward::open(1, Patience::default()).await;
    block_in_place(|| {
        let mut silent: Vec<TcpStream> = (0..18).map(|_| ward.connect()).collect();
        let (mut first, said) = Device::call(&ward, "CT1");
        assert_eq!(said, Said::Accepted);
        let (_second, said) = Device::call(&ward, "CT2");
        assert_eq!(said, Said::Rejected(Reject::LOCAL_LIMIT_EXCEEDED));
        // 4 times the associations and 16 more: that is all, whoever it is
        silent.extend((0..4).map(|_| ward.connect()));
        assert!(is_closed(silent.last_mut().unwrap()));
        assert_eq!(first.echo(), Said::Status(Status::SUCCESS));
    });
    assert!(ward.stop().await < Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chatty_association_does_not_hold_a_stop_up() {
    let ward = Ward::open(4, Patience::default()).await;
    let (mut device, said) = block_in_place(|| Device::call(&ward, "CT1"));
    assert_eq!(said, Said::Accepted);
    let chatter = std::thread::spawn(move || {
        let mut echoes = 0;
        while device.echo() == Said::Status(Status::SUCCESS) {
            echoes += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
        echoes
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(ward.stop().await < Duration::from_secs(10));
    assert!(chatter.join().unwrap() > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_never_ends_is_dropped_when_the_drain_is_over() {
    let ward = Ward::open(4, Patience { drain: Duration::from_millis(700), ..Patience::default() }).await;
    let (mut device, said) = block_in_place(|| Device::call(&ward, "CT1"));
    assert_eq!(said, Said::Accepted);
    device.store("1.2.3.4");
    let sender = std::thread::spawn(move || {
        // Patient's Name of a length that never comes
        device.send(b"\x10\x00\x10\x00UN\0\0\xfe\xff\xff\x0f", false);
        while device.send(b"xx", false) {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let took = ward.stop().await;
    assert!(took >= Duration::from_millis(700) && took < Duration::from_secs(10), "{took:?}");
    sender.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_refused_on_its_way_in_is_in_the_log() {
    let ward = Ward::open(4, Patience::default()).await;
    let said = block_in_place(|| {
        let (mut device, said) = Device::call(&ward, "CT1");
        assert_eq!(said, Said::Accepted);
        device.store("1.2.3.4");
        assert!(device.send(&[0xff; 4096], true));
        device.exchange()
    });
    assert!(matches!(said, Said::Status(status) if status != Status::SUCCESS), "{said:?}");
    let page = ward
        .house
        .get(&ward.house.a, "/fhir/AuditEvent?agent-name=CT1&outcome=4", "application/fhir+json")
        .await
        .json();
    let entries = page["entry"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{page}");
    assert!(entries[0].to_string().contains("1.2.3.4"), "{page}");
    ward.stop().await;
}

impl Device {
    fn store(&mut self, sop_instance: &str) {
        let context_id = self.machine.context_for(MR_IMAGE, uids::EXPLICIT_VR_LITTLE_ENDIAN).unwrap();
        let request = StoreRequest {
            context_id,
            sop_class: MR_IMAGE.to_owned(),
            sop_instance: sop_instance.to_owned(),
            priority: Priority::Medium,
            move_originator: None,
        };
        self.machine.store(request).unwrap();
    }

    fn send(&mut self, bytes: &[u8], last: bool) -> bool {
        self.machine.send_data(bytes, last).unwrap();
        self.stream.write_all(&self.machine.take_output()).is_ok()
    }
}

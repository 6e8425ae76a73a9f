//! A storage SCP on a blocking socket that counts what it is sent and keeps nothing.
//!
//!     cargo run -p lenticular-dicom --example store_scp -- 127.0.0.1:11112 [MAX_PDU]
//!
//! It shows the loop that the machine in `lenticular_dicom::dimse` wants around it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use lenticular_dicom::dimse::{Acceptor, AcceptorConfig, Event, Status};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:11112".to_owned());
    let max_pdu = arguments.next().and_then(|length| length.parse().ok());
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || {
            if let Err(error) = serve(stream, max_pdu) {
                println!("transport: {error}");
            }
        });
    }
    Ok(())
}

fn serve(mut stream: TcpStream, max_pdu: Option<u32>) -> std::io::Result<()> {
    let mut config = AcceptorConfig { accept_any_called_ae: true, ..AcceptorConfig::default() };
    config.max_pdu = max_pdu.unwrap_or(config.max_pdu);
    stream.set_nodelay(true)?;
    let mut acceptor = Acceptor::new(config);
    let mut buffer = vec![0; 256 * 1024];
    let mut tally = Tally::default();
    while !acceptor.is_closed() {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            if let Some(event) = acceptor.transport_closed() {
                println!("{event:?}");
            }
            break;
        }
        let mut bytes = &buffer[..length];
        loop {
            let (used, event) = acceptor.receive(bytes);
            bytes = &bytes[used..];
            let Some(event) = event else { break };
            answer(&mut acceptor, event, &mut tally);
        }
        stream.write_all(acceptor.output())?;
        acceptor.output().clear();
    }
    println!("objects {} bytes {} pieces {}", tally.objects, tally.bytes, tally.pieces);
    Ok(())
}

#[derive(Default)]
struct Tally {
    objects: u64,
    bytes: u64,
    pieces: u64,
}

fn answer(acceptor: &mut Acceptor, event: Event<'_>, tally: &mut Tally) {
    match event {
        Event::AssociationRequested(request) => {
            println!(
                "association from {} ({:?}), max length {:?}, {} contexts",
                request.calling_ae,
                request.user.implementation_version,
                request.user.max_length,
                request.contexts.len()
            );
            // Whoever says who they are is believed: this is an example.
            match acceptor.accept(Some(Vec::new())) {
                Ok(contexts) => println!("accepted {} contexts", contexts.len()),
                Err(error) => println!("{error}"),
            }
        }
        Event::StoreBegin(store) => println!("store {} {}", store.sop_class, store.transfer_syntax),
        Event::StoreData(data) => {
            tally.bytes += data.len() as u64;
            tally.pieces += 1;
        }
        Event::StoreEnd { message_id } => {
            tally.objects += 1;
            if let Err(error) = acceptor.respond_store(message_id, Status::SUCCESS) {
                println!("{error}");
            }
        }
        other => println!("{other:?}"),
    }
}

//! Bytes from a peer: whatever they are, the edge goes on serving, asks no server but those of its world, and lets nobody in
//! who does not know the password. A task of the edge that panics ends the fuzzer too: libfuzzer-sys sees to that.

#![no_main]

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use kratos_repro::edge::Edge;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use url::Url;

/// How long nothing comes before the peer says that it will send no more. A request without an end is never answered.
const QUIET: Duration = Duration::from_millis(10);

/// Nothing here takes a tenth of it.
const LIMIT: Duration = Duration::from_secs(5);

/// What a good request is answered by the server behind the edge.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: a=b\r\n\r\nok";

struct World {
    runtime: Runtime,
    edge: Edge,
    /// A proxy, a listener that stands for a server, and one behind a gate.
    doors: [SocketAddr; 3],
}

impl World {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (edge, doors) = runtime.block_on(async {
            let server = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let upstream = server.local_addr().expect("its address");
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = server.accept().await {
                    tokio::spawn(async move {
                        let _ = stream.read(&mut [0; 4096]).await;
                        let _ = stream.write_all(ANSWER).await;
                    });
                }
            });
            let mut edge = Edge::new(&["ory.example.test"], Vec::new()).expect("an edge");
            edge.names().set("ory.example.test", upstream);
            let url = Url::parse("https://ory.example.test/").expect("a URL");
            let proxy = edge.listen("a").await.expect("a port");
            let server = edge.listen_for("server", &url).await.expect("a port");
            let gate = edge.listen_at("node", None, proxy.ip()).await.expect("a port");
            let doors = [proxy, server, gate.address()];
            (edge, doors)
        });
        Self { runtime, edge, doors }
    }

    /// Sends the bytes, says after a while that there are no more, and gives the whole answer.
    async fn send(door: SocketAddr, bytes: &[u8], wait: Duration) -> Vec<u8> {
        let mut answer = Vec::new();
        let mut stream = TcpStream::connect(door).await.expect("the edge listens");
        // It may hang up in the middle.
        let _ = stream.write_all(bytes).await;
        if tokio::time::timeout(wait, stream.read_to_end(&mut answer)).await.is_err() {
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut answer).await;
        }
        answer
    }
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::new());
}

fuzz_target!(|input: &[u8]| {
    let Some((which, bytes)) = input.split_first() else { return };
    WORLD.with_borrow_mut(|world| {
        let door = usize::from(*which) % world.doors.len();
        let [proxy, ..] = world.doors;
        let seen = world.edge.record().exchanges().len();
        let (answer, good) = world.runtime.block_on(async {
            let all = async {
                let answer = World::send(world.doors[door], bytes, QUIET).await;
                let good = b"GET http://ory.example.test/ HTTP/1.1\r\nhost: ory.example.test\r\n\r\n";
                (answer, World::send(proxy, good, LIMIT).await)
            };
            tokio::time::timeout(LIMIT, all).await.expect("an answer or an end")
        });
        assert!(good.starts_with(b"HTTP/1.1 200"), "a good request was answered {:?}", String::from_utf8_lossy(&good));
        for exchange in world.edge.record().exchanges().drain(seen..) {
            let is_ours = Url::parse(&exchange.url).is_ok_and(|url| url.host_str() == Some("ory.example.test"));
            assert!(is_ours || exchange.refused.is_some(), "it went to {}", exchange.url);
            assert!(exchange.listener != "node" || exchange.refused.is_some(), "it came in without the password");
        }
        if door == 2 {
            assert!(!answer.starts_with(b"HTTP/1.1 2"), "the gate let in {:?}", String::from_utf8_lossy(bytes));
        }
        // The record grows with every exchange: a fresh world now and then keeps it short.
        if seen > 2_000 {
            let old = std::mem::replace(world, World::new());
            old.runtime.block_on(old.edge.close());
        }
    });
});

use std::{io::Read, net, sync::Arc, thread};

use futures_util::FutureExt;

use super::*;

const RULES: Rules = Rules {
    max_message: 4_096,
    frames_per_s: 10,
    frame_burst: 40,
};
const MAX_PENDING: u32 = 32 * 1_024;
const FRAME: usize = 16 * 1_024;
const HEAD: [u8; 4] = [0x82, 126, 64, 0];

/// A line with little room in the kernel, and its peer.
async fn line(max_pending: u32) -> (Arc<Line>, net::TcpStream) {
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (io, _) = listener.accept().unwrap();
    io.set_nonblocking(true).unwrap();
    SockRef::from(&io).set_send_buffer_size(8 * 1_024).unwrap();
    let line = Line::open(io, max_pending).await.unwrap();
    (Arc::new(line), peer)
}

/// The task of a line, to its end.
async fn serve(line: &Line) {
    let (mut incoming, clock) = (Incoming::default(), Clock::new());
    while incoming.next(line, &RULES, &clock).await.is_some() {}
    let never = CancellationToken::new();
    line.part(&mut incoming, &RULES, &clock, &never).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_gets_every_frame_whole_and_in_order() {
    let (line, mut peer) = line(2 * 1_024 * 1_024).await;
    let news = line.clone();
    let teller = thread::spawn(move || {
        for number in 0..50 {
            news.send(OpCode::Binary, &[number; FRAME]).unwrap();
        }
        news.close(None);
    });
    let reader = thread::spawn(move || {
        let mut head = [0; 4];
        let mut payload = vec![0; FRAME];
        for number in 0..50 {
            peer.read_exact(&mut head).unwrap();
            assert_eq!(head, HEAD);
            peer.read_exact(&mut payload).unwrap();
            assert!(payload.iter().all(|byte| *byte == number));
        }
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, [0x88, 0], "its close frame, and the end");
    });
    serve(&line).await;
    teller.join().unwrap();
    reader.join().unwrap();
    assert!(line.lock().pending.is_none());
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_cut_and_nothing_is_kept_for_it() {
    let (line, _peer) = line(MAX_PENDING).await;
    let sent = (0..1_000).take_while(|_| line.send(OpCode::Binary, &[0; FRAME]).is_ok());
    assert!((1..999).contains(&sent.count()));
    assert!(line.lock().pending.is_none());
    assert_eq!(line.send(OpCode::Text, b"more"), Ok(()), "to nobody");
    line.close(None);
    assert!(line.lock().pending.is_none());
    serve(&line).await;
}

/// The clock of the runtime moves by itself when nobody has anything to do.
#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_a_close_frame_is_left() {
    let (line, mut peer) = line(MAX_PENDING).await;
    line.close(None);
    serve(&line).await;
    drop(line);
    let mut heard = Vec::new();
    peer.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, [0x88, 0]);
}

#[tokio::test]
async fn a_process_that_stops_waits_for_no_answer() {
    let (line, mut peer) = line(MAX_PENDING).await;
    line.close(None);
    let (mut incoming, clock) = (Incoming::default(), Clock::new());
    let stopping = CancellationToken::new();
    stopping.cancel();
    // Nothing would ever be ready: the peer says nothing.
    line.part(&mut incoming, &RULES, &clock, &stopping)
        .now_or_never()
        .unwrap();
    drop(line);
    let mut heard = Vec::new();
    peer.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, [0x88, 0]);
}

/// Whoever is woken by a line may hold it: a socket that waits does.
#[tokio::test]
async fn nothing_is_left_of_a_line_whose_waker_holds_it() {
    struct Holder(#[expect(dead_code, reason = "it is held")] Arc<Line>);
    impl std::task::Wake for Holder {
        fn wake(self: Arc<Self>) {}
    }

    let (line, mut peer) = line(MAX_PENDING).await;
    let waker = Waker::from(Arc::new(Holder(line.clone())));
    assert!(
        line.poll_ready(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(waker);
    // A task that has done much in its turn registers nothing any more.
    while tokio::task::coop::has_budget_remaining() {
        let _ = tokio::task::coop::consume_budget().now_or_never();
    }
    let (mut incoming, clock) = (Incoming::default(), Clock::new());
    let stopping = CancellationToken::new();
    stopping.cancel();
    let parted = line.part(&mut incoming, &RULES, &clock, &stopping);
    parted.now_or_never().unwrap();
    let left = Arc::downgrade(&line);
    drop(line);
    assert!(left.upgrade().is_none());
    assert_eq!(peer.read(&mut [0]).unwrap(), 0, "it is closed");
}

#[tokio::test]
async fn a_task_that_waits_hears_that_its_line_was_closed() {
    let (line, _peer) = line(MAX_PENDING).await;
    let (mut incoming, clock) = (Incoming::default(), Clock::new());
    let next = incoming.next(&line, &RULES, &clock);
    let closed = async {
        tokio::task::yield_now().await;
        line.close(None);
    };
    let (heard, ()) = tokio::join!(next, closed);
    assert_eq!(heard, None);
}

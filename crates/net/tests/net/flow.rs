//! Order, backpressure and bulk.

use crate::support::*;
use bytes::Bytes;
use hedgerow_net::{Channel, NetEvent, SendError};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_once_and_in_order_on_each_channel() {
    let (a, mut b) = pair(1, 2).await;
    const COUNT: u32 = 3000;
    for number in 0..COUNT {
        for channel in Channel::ALL {
            let mut bytes = number.to_le_bytes().to_vec();
            bytes.resize(4 + (number as usize * 7) % 200, 1);
            a.net.send(&id(2), channel, bytes).unwrap();
        }
    }
    a.net.send(&id(2), Channel::Sync, Bytes::new()).unwrap();
    let all = Channel::ALL.map(|channel| COUNT + u32::from(channel == Channel::Sync));
    let mut next = [0u32; Channel::ALL.len()];
    while next != all {
        let (channel, bytes) = b
            .until("message", |event| match event {
                NetEvent::Message { channel, bytes, .. } => Some((channel, bytes)),
                _ => None,
            })
            .await;
        let place = Channel::ALL.iter().position(|known| *known == channel).unwrap();
        let number = bytes
            .get(..4)
            .map_or(COUNT, |head| u32::from_le_bytes(head.try_into().unwrap()));
        assert_eq!(number, next[place], "{channel:?}");
        next[place] += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_frame_passes_and_a_larger_one_is_refused_here() {
    let (a, mut b) = pair(1, 2).await;
    let largest = vec![7; hedgerow_base::limits::MAX_FRAME];
    a.net.send(&id(2), Channel::Directory, largest.clone()).unwrap();
    assert!(b.message().await == largest);
    let larger = vec![7; hedgerow_base::limits::MAX_FRAME + 1];
    assert!(matches!(
        a.net.send(&id(2), Channel::Directory, larger),
        Err(SendError::TooLong(_))
    ));
    assert_eq!(
        a.net.send(&id(9), Channel::Directory, vec![1]),
        Err(SendError::NotConnected)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_take_its_events_slows_the_sender_and_nothing_is_lost() {
    let (mut a, mut b) = pair(1, 2).await;
    let mut sent = 0u32;
    let body = vec![0; 100_000];
    let frame = |number: u32| [&number.to_le_bytes()[..], &body].concat();
    // `b` takes nothing: the inbound budget, the windows and the queue fill up, and then `a` is told so.
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut full = false;
    while Instant::now() < deadline {
        match a.net.send(&id(2), Channel::Sync, frame(sent)) {
            Ok(()) => sent += 1,
            Err(SendError::Full) => {
                full = true;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
        if full && sent > 200 {
            break;
        }
        assert!(sent < 1000, "100 MB went somewhere");
    }
    println!("{sent} frames of 100 kB were taken in all");
    // Another channel has its own queue.
    a.net.send(&id(2), Channel::Directory, b"x".to_vec()).unwrap();
    let reader = tokio::spawn(async move {
        let mut next = 0;
        while next < sent {
            if let Some(NetEvent::Message {
                channel: Channel::Sync,
                bytes,
                ..
            }) = b.events.recv().await
            {
                assert_eq!(bytes[..4], next.to_le_bytes());
                next += 1;
            }
        }
        b
    });
    a.until("room", |event| {
        matches!(
            event,
            NetEvent::Writable {
                channel: Channel::Sync,
                ..
            }
        )
        .then_some(())
    })
    .await;
    assert_eq!(a.net.send(&id(2), Channel::Sync, vec![1]), Ok(()));
    reader.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_carries_frames_both_ways() {
    let (a, mut b) = pair(1, 2).await;
    let server = tokio::spawn(async move {
        let (header, mut send, mut recv) = b
            .until("request", |event| match event {
                NetEvent::Request { header, send, recv, .. } => Some((header, send, recv)),
                _ => None,
            })
            .await;
        assert_eq!(header, b"echo");
        while let Some(frame) = recv.read_frame(1000).await.unwrap() {
            send.write_frame(&frame).await.unwrap();
        }
        send.finish();
        // A second request is refused by dropping it.
        b.until("request", |event| {
            matches!(event, NetEvent::Request { .. }).then_some(())
        })
        .await;
        b
    });
    let (mut send, mut recv) = a.net.open_request(&id(2), b"echo".to_vec()).await.unwrap();
    for text in ["one", "two", ""] {
        send.write_frame(text.as_bytes()).await.unwrap();
        assert_eq!(recv.read_frame(1000).await.unwrap().unwrap(), text.as_bytes());
    }
    send.finish();
    assert_eq!(recv.read_frame(1000).await.unwrap(), None);
    let (_send, mut recv) = a.net.open_request(&id(2), b"no".to_vec()).await.unwrap();
    assert!(recv.read_frame(1000).await.is_err());
    assert!(matches!(
        a.net.open_request(&id(2), vec![0; 20_000]).await,
        Err(SendError::TooLong(_))
    ));
    server.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_sized_answer_arrives_whole_while_messages_pass_it() {
    let (a, mut b) = pair(1, 2).await;
    const SIZE: usize = 64 << 20;
    let server = tokio::spawn(async move {
        let pick = |event| match event {
            NetEvent::Request { send, .. } => Some(send),
            _ => None,
        };
        let mut send = b.until("request", pick).await;
        let block = Bytes::from(vec![42; 256 << 10]);
        for _ in 0..SIZE / block.len() {
            send.write(block.clone()).await.unwrap();
        }
        send.finish();
        b.message().await;
        b
    });
    let (_send, mut recv) = a.net.open_request(&id(2), b"get".to_vec()).await.unwrap();
    let begun = Instant::now();
    let mut received = 0;
    while let Some(bytes) = recv.read_some(1 << 20).await.unwrap() {
        if received == 0 {
            a.net.send(&id(2), Channel::Live, b"meanwhile".to_vec()).unwrap();
        }
        received += bytes.len();
    }
    assert_eq!(received, SIZE);
    let seconds = begun.elapsed().as_secs_f64();
    println!("bulk over one request stream: {:.0} MB/s", SIZE as f64 / 1e6 / seconds);
    server.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_pauses_keeps_its_request_while_messages_go_on() {
    let (a, mut b) = pair(1, 2).await;
    const BLOCKS: usize = 40;
    let server = tokio::spawn(async move {
        let pick = |event| match event {
            NetEvent::Request { send, .. } => Some(send),
            _ => None,
        };
        let mut send = b.until("request", pick).await;
        for block in 0..BLOCKS {
            for _ in 0..50 {
                let _ = b.net.send(&id(1), Channel::Live, vec![2; 300]);
            }
            send.write(Bytes::from(vec![block as u8; 256 << 10])).await.unwrap();
        }
        send.finish();
        b
    });
    let (_send, mut recv) = a.net.open_request(&id(2), b"get".to_vec()).await.unwrap();
    for block in 0..BLOCKS {
        if block % 10 == 0 {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let bytes = recv.read_exact(256 << 10).await.unwrap();
        assert!(bytes.iter().all(|byte| *byte == block as u8));
    }
    server.await.unwrap();
}

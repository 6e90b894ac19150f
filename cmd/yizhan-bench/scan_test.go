package main

import (
	"errors"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

func sampleMessage(seq uint64) *wire.Message {
	return &wire.Message{
		From: "alice", To: "bob", ClientId: "0123456789abcdef", Type: 100, Body: "{}", Ext: "x",
		FromPlatform: wire.Platform_PLATFORM_PC, FromDevice: "d", RefSeq: 4, Recalled: true,
		Seq: seq, Id: 1 << 60, TimeMs: 1_700_000_000_000,
	}
}

func marshal(t testing.TB, m wire.Body) []byte {
	t.Helper()
	b := make([]byte, m.SizeVT())
	if _, err := m.MarshalToSizedBufferVT(b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestScannersAgreeWithTheSchema(t *testing.T) {
	message := sampleMessage(77)
	entry, err := scanPush(marshal(t, &wire.MessagePush{Message: message}))
	if err != nil || entry.seq != 77 || string(entry.clientID) != message.ClientId {
		t.Errorf("push: got %d %q %v", entry.seq, entry.clientID, err)
	}

	clientID, err := scanRoomPush(marshal(t, &wire.RoomMessagePush{Room: "1", From: "alice", ClientId: "c1", Type: 3, Body: "hello", Id: 9}))
	if err != nil || string(clientID) != "c1" {
		t.Errorf("room push: got %q %v", clientID, err)
	}

	seq, duplicate, err := scanSendResponse(marshal(t, &wire.SendResponse{Seq: 9, Id: 8, TimeMs: 7, Duplicate: true}))
	if err != nil || seq != 9 || !duplicate {
		t.Errorf("send response: got %d %v %v", seq, duplicate, err)
	}

	var seqs []uint64
	page := &wire.HistoryResponse{Messages: []*wire.Message{sampleMessage(1), sampleMessage(2)}, More: true}
	err = scanHistory(marshal(t, page), func(e logEntry) error {
		seqs = append(seqs, e.seq)
		return nil
	})
	if err != nil || len(seqs) != 2 || seqs[0] != 1 || seqs[1] != 2 {
		t.Errorf("history: got %v %v", seqs, err)
	}
}

func TestScanPassesOnTheErrorOfItsCaller(t *testing.T) {
	stop := errors.New("stop")
	page := marshal(t, &wire.HistoryResponse{Messages: []*wire.Message{sampleMessage(1)}})
	if err := scanHistory(page, func(logEntry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the caller's error", err)
	}
}

func FuzzScan(f *testing.F) {
	f.Add(marshal(f, &wire.MessagePush{Message: sampleMessage(3)}))
	f.Add(marshal(f, &wire.HistoryResponse{Messages: []*wire.Message{sampleMessage(3)}}))
	f.Add([]byte{0x0a, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if entry, err := scanPush(b); err == nil && len(entry.clientID) > len(b) {
			t.Errorf("a client id of %d bytes out of %d", len(entry.clientID), len(b))
		}
		_, _, _ = scanSendResponse(b)
		_, _ = scanRoomPush(b)
		_ = scanHistory(b, func(logEntry) error { return nil })
	})
}

func TestStampRoundTrip(t *testing.T) {
	want := stamp{run: 0xabcdef, stream: 0x123456, number: 0xfedcba98, sent: 1<<48 - 1}
	id := want.String()
	if len(id) != stampLength || len(id) > 64 {
		t.Fatalf("client id %q has %d bytes; the protocol allows 64", id, len(id))
	}
	got, err := parseStamp([]byte(id))
	if err != nil || got != want {
		t.Errorf("got %+v %v, want %+v", got, err, want)
	}
}

func TestForeignClientIDsAreNotStamps(t *testing.T) {
	good := (&stamp{run: 1, stream: 2, number: 3, sent: time.Second}).String()
	for _, id := range []string{"", "x", good[1:], good + "0", "G" + good[1:]} {
		if _, err := parseStamp([]byte(id)); err == nil {
			t.Errorf("%q: taken for a stamp", id)
		}
	}
}

func FuzzParseStamp(f *testing.F) {
	f.Add([]byte((&stamp{run: 1, stream: 2, number: 3, sent: 4}).String()))
	f.Add([]byte("no stamp"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseStamp(b)
		if err == nil && s.String() != string(b) {
			t.Errorf("%q became %q", b, s.String())
		}
	})
}

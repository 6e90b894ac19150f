package secure

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"unsafe"
)

// records seals each text as one record.
func records(c *Channel, texts ...string) [][]byte {
	sealed := make([][]byte, len(texts))
	for i, text := range texts {
		sealed[i] = c.Seal(nil, []byte(text))
	}
	return sealed
}

func mustOpen(t *testing.T, c *Channel, record []byte, want string) {
	t.Helper()
	plain, n, err := c.Open(bytes.Clone(record))
	if err != nil || n != len(record) || string(plain) != want {
		t.Fatalf("Open = %q, %d, %v; want %q", plain, n, err, want)
	}
}

// mustBreak opens record, which must fail with want, and checks that nothing
// opens afterwards, not even the record that was due.
func mustBreak(t *testing.T, c *Channel, record []byte, want error, due []byte) {
	t.Helper()
	if plain, n, err := c.Open(bytes.Clone(record)); !errors.Is(err, want) || plain != nil || n != 0 {
		t.Fatalf("Open = %q, %d, %v; want %v", plain, n, err, want)
	}
	if _, _, err := c.Open(bytes.Clone(due)); !errors.Is(err, ErrTampered) {
		t.Fatalf("the channel lives on: %v", err)
	}
}

func TestAReplayedRecordEndsTheChannel(t *testing.T) {
	client, server := pair()
	r := records(client, "one", "two")
	mustOpen(t, server, r[0], "one")
	mustBreak(t, server, r[0], ErrTampered, r[1])
}

func TestReorderedRecordsEndTheChannel(t *testing.T) {
	client, server := pair()
	r := records(client, "one", "two")
	mustBreak(t, server, r[1], ErrTampered, r[0])
}

func TestADroppedRecordEndsTheChannel(t *testing.T) {
	client, server := pair()
	r := records(client, "one", "two", "three")
	mustOpen(t, server, r[0], "one")
	mustBreak(t, server, r[2], ErrTampered, r[1])
}

func TestAReflectedRecordEndsTheChannel(t *testing.T) {
	client, _ := pair()
	r := records(client, "one")
	mustBreak(t, client, r[0], ErrTampered, r[0])
}

func TestAFlippedBitEndsTheChannel(t *testing.T) {
	sender, _ := pair()
	record := records(sender, "a short message")[0]
	for _, altered := range flips(record) {
		_, server := pair()
		plain, n, err := server.Open(bytes.Clone(altered))
		announced := recordHeader + int(binary.BigEndian.Uint16(altered))
		waits := n == 0 && err == nil && announced > len(altered) && announced <= MaxRecord
		if plain != nil || err == nil && !waits {
			t.Fatalf("Open(%x) = %q, %d, %v", altered, plain, n, err)
		}
		if !waits {
			continue
		}
		// A length made longer swallows the records behind it, and fails then.
		longer := append(altered, make([]byte, announced-len(altered))...)
		if _, _, err := server.Open(longer); !errors.Is(err, ErrTampered) {
			t.Fatalf("Open(%x…): %v", altered, err)
		}
	}
}

func TestATruncatedRecordWaitsForMore(t *testing.T) {
	client, server := pair()
	record := records(client, "a short message")[0]
	for part := range record {
		if plain, n, err := server.Open(record[:part]); plain != nil || n != 0 || err != nil {
			t.Fatalf("Open of %d bytes = %q, %d, %v", part, plain, n, err)
		}
	}
	mustOpen(t, server, record, "a short message")
}

func TestARecordCutShortEndsTheChannel(t *testing.T) {
	for cut := 1; cut < len("message"); cut++ {
		client, server := pair()
		record := records(client, "message")[0]
		short := bytes.Clone(record[:len(record)-cut])
		binary.BigEndian.PutUint16(short, uint16(len(short)-recordHeader))
		mustBreak(t, server, short, ErrTampered, record)
	}
}

func TestALengthThatNoRecordHasEndsTheChannel(t *testing.T) {
	for _, length := range []int{0, 1, tagSize - 1, tagSize, MaxRecord - recordHeader + 1, 1<<16 - 1} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			client, server := pair()
			// The header alone decides: nothing is buffered for such a record.
			mustBreak(t, server, binary.BigEndian.AppendUint16(nil, uint16(length)), ErrRecordSize, records(client, "one")[0])
		})
	}
}

func TestALongTextIsCutIntoRecords(t *testing.T) {
	client, server := pair()
	text := bytes.Repeat([]byte("0123456789abcdef"), 3*MaxRecord/16)
	in := client.Seal([]byte("kept"), text)
	in, kept := in[4:], string(in[:4])
	if kept != "kept" {
		t.Fatalf("Seal changed what was in dst: %q", kept)
	}
	var got []byte
	count := 0
	for len(in) > 0 {
		plain, n, err := server.Open(in)
		if err != nil || n == 0 || n > MaxRecord {
			t.Fatalf("record %d: Open took %d bytes: %v", count, n, err)
		}
		got = append(got, plain...)
		in = in[n:]
		count++
	}
	if !bytes.Equal(got, text) || count != 4 {
		t.Fatalf("%d bytes in %d records, sealed %d", len(got), count, len(text))
	}
}

func TestNothingSealsToNothing(t *testing.T) {
	client, _ := pair()
	if got := client.Seal(nil, nil); len(got) != 0 {
		t.Fatalf("sealed nothing into %x", got)
	}
}

func TestKeysChangeBeforeTheCounterRunsOut(t *testing.T) {
	client, server := pair()
	first := client.send.aead
	var record [RecordOverhead + 1]byte
	for i := range 2*recordsPerKey + 3 {
		sealed := client.Seal(record[:0], []byte{byte(i)})
		plain, _, err := server.Open(sealed)
		if err != nil || plain[0] != byte(i) {
			t.Fatalf("record %d: Open = %x, %v", i, plain, err)
		}
	}
	if client.send.aead == first {
		t.Error("the key never changed")
	}
	if got := binary.LittleEndian.Uint64(client.send.nonce[4:]); got != 3 {
		t.Errorf("counter %d after the second change, want 3", got)
	}
}

func TestAChannelIsSmall(t *testing.T) {
	// 20,000 idle connections are a headline figure; see the issue on memory.
	if size := unsafe.Sizeof(Channel{}); size > 80 {
		t.Errorf("a Channel takes %d bytes", size)
	}
}

func TestSealAndOpenDoNotAllocate(t *testing.T) {
	client, server := pair()
	plain := make([]byte, 200)
	buf := make([]byte, 0, len(plain)+RecordOverhead)
	allocs := testing.AllocsPerRun(1000, func() {
		if _, _, err := server.Open(client.Seal(buf, plain)); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per record", allocs)
	}
}

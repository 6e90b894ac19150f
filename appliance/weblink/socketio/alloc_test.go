package socketio_test

import (
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/socketio"
)

// send is what a client of a chat sends most.
const send = `212["send",{"conversation":"u:alice","clientId":"b3f1c0de","type":1,"body":"你好, how are you today? See you at \"7\" then."}]`

// hotPath is what runs for every packet, with buffers that have room, and how
// often it may allocate.
func hotPath(tb testing.TB) map[string]struct {
	run    func()
	allocs float64
} {
	var d socketio.Decoder
	in, buf, arg := []byte(send), make([]byte, len(send)), []byte(`{"code":200,"body":{"seq":"12"}}`)
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	type path = struct {
		run    func()
		allocs float64
	}
	return map[string]path{
		"Decode": {func() { _, _, err := d.Decode(limits, in, false); must(err) }, 0},
		// The name is a string of its own.
		"DecodeEvent": {func() {
			copy(buf, in)
			p, _, err := d.Decode(limits, buf, false)
			must(err)
			_, _, err = p.Event()
			must(err)
		}, 1},
		"AppendEvent": {func() { socketio.AppendEvent(buf[:0], "/", socketio.NoID, "message", arg) }, 0},
		"AppendAck":   {func() { socketio.AppendAck(buf[:0], "/", 12, arg) }, 0},
	}
}

func TestHotPathAllocations(t *testing.T) {
	for name, path := range hotPath(t) {
		if n := testing.AllocsPerRun(100, path.run); n != path.allocs {
			t.Errorf("%s allocates %v times; want %v", name, n, path.allocs)
		}
	}
}

func BenchmarkCodec(b *testing.B) {
	for name, path := range hotPath(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(send)))
			for b.Loop() {
				path.run()
			}
		})
	}
}

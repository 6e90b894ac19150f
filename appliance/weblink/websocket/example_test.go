package websocket_test

import (
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// greeter prints what a client sends.
type greeter struct{}

func (greeter) Message(op websocket.Opcode, data []byte) error {
	fmt.Printf("message %q\n", data)
	return nil
}

func (greeter) Ping(data []byte) error {
	fmt.Printf("ping, answered with % x\n", websocket.AppendPong(nil, data))
	return nil
}

func (greeter) Pong([]byte) error { return nil }

func (greeter) CloseFrame(status websocket.Status, reason string) error {
	fmt.Printf("closed with %d %q\n", status, reason)
	return nil
}

// Input may be cut anywhere; here it comes byte by byte.
func ExampleDecoder() {
	input := []byte{
		0x01, 0x83, 1, 2, 3, 4, 'h' ^ 1, 'e' ^ 2, 'l' ^ 3, // "hel", to be continued
		0x89, 0x80, 0, 0, 0, 0, // a ping in between
		0x80, 0x82, 0, 0, 0, 0, 'l', 'o',
		0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8, // close, 1000
	}
	var d websocket.Decoder
	d.Init(1_000_000, false)
	for i := range input {
		if err := d.Decode(input[i:i+1], greeter{}); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// ping, answered with 8a 00
	// message "hello"
	// closed with 1000 ""
}

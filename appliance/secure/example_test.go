package secure_test

import (
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/secure"
)

// A handshake and one record, without a network: in and out are what a
// connection would carry.
func Example() {
	key, err := secure.NewServerKey()
	if err != nil {
		panic(err)
	}
	client, err := secure.NewClientHandshake(key.Public(), secure.AllCodecs)
	if err != nil {
		panic(err)
	}

	// Server: read until n > 0, write the reply (on an error too), keep the channel.
	_, reply, server, err := key.Accept(client.Hello())
	if err != nil {
		panic(err)
	}
	// Client: the same with the reply.
	_, channel, err := client.Finish(reply)
	if err != nil {
		panic(err)
	}

	out := channel.Seal(nil, []byte("login"))
	plain, n, err := server.Open(out)
	fmt.Printf("%s %d %v\n", plain, n-len(plain), err)
	// Output: login 18 <nil>
}

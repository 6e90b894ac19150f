package sdk_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/yizhan-im/yizhan/appliance/sdk"
)

// A bot that answers every text, and after a restart those that it missed.
func Example() {
	store, err := sdk.OpenFileStore("echo.state")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	client, err := sdk.New(sdk.Options{
		LBS: "https://im.example.com/lbs", LBSCache: "echo.lbs",
		AppKey: "demo", Account: "echo", Token: os.Getenv("YIZHAN_TOKEN"), Store: store,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	client.Start()
	for event := range client.Events(context.Background()) {
		switch e := event.(type) {
		case sdk.Message:
			if e.From == client.Account() {
				continue // our own, from here or another device
			}
			answer := sdk.Text("you said: " + e.Body)
			answer.ClientID = fmt.Sprintf("answer-%s-%d", e.Peer, e.Seq) // accepted once, whatever happens
			if _, err := client.Send(context.Background(), e.Peer, answer); err != nil {
				log.Print(err)
			}
		case sdk.StateChange:
			log.Print(e.State, " ", e.Err)
		}
	}
}

package main

import "strings"

// prose is what messages are made of: text that compresses as chat does, not a
// repeated letter.
const prose = "Are you still coming tonight? The train is late again, so start without me if the others are hungry. " +
	"I booked the table for seven, near the window, under my name. Could you bring the charger I left at your place " +
	"last week? It is on the shelf by the door, next to the blue umbrella. By the way, Lin says thanks for the photos; " +
	"she will send hers tomorrow morning. Call me when you get off at the station and I will walk over to meet you. "

// maxBody is the longest body that a run may use, in bytes: the protocol's
// limit is 5,000 characters.
const maxBody = 5000

// chatText is n bytes of text.
func chatText(n int) string {
	return strings.Repeat(prose, n/len(prose)+1)[:n]
}

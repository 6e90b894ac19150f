package main

import (
	"fmt"
	"net/http"
	"text/tabwriter"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/yizhan-im/yizhan/appliance"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "status",
		Usage: "[--address <admin endpoint>] [--json]",
		Short: "Shows what a running node is doing",
		CobraFunc: func(cmd *cobra.Command) {
			admin := new(adminClient)
			admin.addFlag(cmd)
			var asJSON bool
			cmd.Flags().BoolVar(&asJSON, "json", false, "Print JSON")
			cmd.Args = cobra.NoArgs
			cmd.RunE = func(cmd *cobra.Command, _ []string) error {
				cmd.SilenceUsage = true
				var status appliance.Status
				if err := admin.do(http.MethodGet, "/yizhan/status", nil, &status); err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), status)
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintf(w, "node\t%s, up %s\n", status.NodeID, status.Uptime)
				fmt.Fprintf(w, "store\t%s\n", status.Store)
				fmt.Fprintf(w, "disk\t%s free\n", humanize.IBytes(status.DiskFreeBytes))
				fmt.Fprintf(w, "connections\t%d, of them %d logged in and %d over WebLink\n", status.Connections, status.Sessions, status.WebConnections)
				fmt.Fprintf(w, "link key\t%s\n", status.LinkKey)
				return w.Flush()
			}
		},
	})
}

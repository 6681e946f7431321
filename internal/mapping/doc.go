// Package mapping holds the tests behind docs/mapping.md: its tables are made by
// running each value through each wire, and the document must have them as they
// come out.
package mapping

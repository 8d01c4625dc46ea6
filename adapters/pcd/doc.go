// Package pcd groups what a device observation report says flatly. In a PCD-01 message (IHE PCD TF-2, ORU^R01), OBX-4 carries the containment
// MDS.VMD.CHANNEL.METRIC[.FACET]; devices, measurements and their attributes are all rows of one list. [Shape] puts facets under their measurement and says
// which device row each measurement belongs to, so that a manifest can speak of item.facets and item.device.
//
// It moves JSON about and interprets nothing: no codes, no units, no values. Package adapters calls it for manifests with format: pcd.
package pcd

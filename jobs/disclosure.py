"""How a video says that a machine made it: an XMP packet with IPTC's digital source type, in a box behind all others.

There it moves nothing else, so every offset in the file stays true. Layouts: ISO/IEC 14496-12 (the `uuid` box), Adobe's
XMP specification part 3 (its extended type) and part 1 (the packet), IPTC's NewsCodes (the source type).
"""

from typing import BinaryIO, Final
from xml.sax.saxutils import escape

from jobs.mp4 import HEADER_BYTES, Malformed, top_boxes

#: What IPTC calls media that a trained model made.
SOURCE_TYPE: Final = "trainedAlgorithmicMedia"
#: The extended type of a box that holds an XMP packet.
XMP_BOX: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
#: From where `seek` counts: the file's end.
END: Final = 2
#: Bytes of a packet that a file has already of which are read.
LARGEST_PACKET_BYTES: Final = 256 * 1024

_PACKET: Final = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:dc="http://purl.org/dc/elements/1.1/">
   <Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/{source_type}</Iptc4xmpExt:DigitalSourceType>
   <dc:identifier>{identifier}</dc:identifier>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def disclosure_box(identifier: str) -> bytes:
    """The box for a video that is known under this identifier; the same for the same identifier, for ever."""
    packet = _PACKET.format(source_type=SOURCE_TYPE, identifier=escape(identifier)).encode()
    return (HEADER_BYTES + len(XMP_BOX) + len(packet)).to_bytes(4, "big") + b"uuid" + XMP_BOX + packet


def disclose(file: BinaryIO, identifier: str) -> bytes:
    """Append the box to an MP4 that is open for reading and writing, and answer its bytes: none where the file says
    the same already. Raises Malformed, with nothing appended, where a box behind its last one would not be found.
    """
    size = file.seek(0, END)
    if _says_so(file, size):
        return b""
    box = disclosure_box(identifier)
    file.seek(size)
    file.write(box)
    if [end for _, _, end in top_boxes(file, size + len(box))][-2:] != [size, size + len(box)]:
        file.truncate(size)
        raise Malformed("its last box has no end of its own, so that no other can follow it")
    file.seek(0, END)
    return box


def _says_so(file: BinaryIO, size: int) -> bool:
    """Whether the file has an XMP packet that says so. Raises Malformed for one that does not: readers take one."""
    for name, start, end in top_boxes(file, size):
        if name != b"uuid":
            continue
        file.seek(start)
        if file.read(len(XMP_BOX)) != XMP_BOX:
            continue
        if SOURCE_TYPE.encode() not in file.read(min(end - start, LARGEST_PACKET_BYTES)):
            raise Malformed("it holds an XMP packet that does not say what made it, and a second one would go unread")
        return True
    return False

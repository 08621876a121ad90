"""A Raspberry Pi that exists only as a virtual machine, and what it is put through: ``make pi-test``.

``packages``, ``kernel`` and ``image`` build it, ``qemu`` runs it, ``i2c_adapter`` is the far end of its I2C
bus. ``scene`` has the people round it, ``installation`` follows README line by line, ``stories`` are what
befalls it then. ``raspi3b``, where QEMU is 9 or newer, is another machine, for what this one cannot have: the
Pi's own drivers of I2C and pins.
"""
